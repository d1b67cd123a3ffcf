// @ts-check
/** Text that is typed into fields and not stored yet: kept by the browser for a reload of this window. */

const PREFIX = "cesar.typed.";

/** What was typed into a field before a reload. @param {string} field */
export function typed(field) {
    try {
        return sessionStorage.getItem(PREFIX + field) ?? "";
    } catch {
        return "";
    }
}

/** @param {string} field @param {string} text Empty once it is stored or given up. */
export function keepTyped(field, text) {
    try {
        if (text) sessionStorage.setItem(PREFIX + field, text);
        else sessionStorage.removeItem(PREFIX + field);
    } catch {
        // Storage is full or forbidden.
    }
}
