// @ts-check
/** Clicks and touches on words: one plays, two edit, a long one or the other button opens the menu. */

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./desk.js").Place} Place */

/** A touch this long opens the menu, in milliseconds. */
const LONG_MS = 500;

/** @param {EventTarget | null} target @returns {Place | null} */
function placeOf(target) {
    const word = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(".w")) : null;
    const segment = /** @type {HTMLElement | null} */ (word?.closest(".seg") ?? null);
    if (!word || !segment) return null;
    return { segment: Number(segment.dataset.s), word: Number(word.dataset.w) };
}

/** @param {Desk} desk @param {HTMLElement} root @returns {() => void} stop */
export function pointing(desk, root) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let long;
    let held = false;
    const end = () => clearTimeout(long);
    const stop = new AbortController();
    /** @type {<K extends keyof HTMLElementEventMap>(name: K, run: (event: HTMLElementEventMap[K]) => void) => void} */
    const on = (name, run) => root.addEventListener(name, run, { signal: stop.signal });
    on("click", (event) => {
        const place = placeOf(event.target);
        // Text that was selected with the mouse is to be copied.
        if (!place || held || event.detail > 1 || !getSelection()?.isCollapsed) return void (held = false);
        if (event.altKey || event.ctrlKey || event.metaKey) return desk.openMenu("word", place);
        desk.playFrom(place);
    });
    on("dblclick", (event) => {
        const place = placeOf(event.target);
        if (!place || !desk.model.editable.peek()) return;
        event.preventDefault();
        getSelection()?.removeAllRanges();
        desk.player.pause();
        desk.edit(place);
    });
    on("contextmenu", (event) => {
        const place = placeOf(event.target);
        if (!place || !getSelection()?.isCollapsed) return;
        event.preventDefault();
        desk.openMenu("word", place);
    });
    on("pointerdown", (event) => {
        held = false;
        const place = placeOf(event.target);
        if (!place || event.pointerType !== "touch") return;
        long = setTimeout(() => {
            held = true;
            desk.openMenu("word", place);
        }, LONG_MS);
    });
    on("pointermove", (event) => {
        if (event.pointerType === "touch" && Math.abs(event.movementX) + Math.abs(event.movementY) > 6) end();
    });
    on("pointerup", end);
    on("pointercancel", end);
    return () => {
        end();
        stop.abort();
    };
}
