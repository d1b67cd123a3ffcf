// @ts-check
/** Which options of the format plugin concern a format, and the address of an export. */

/** @typedef {import("../catalog.js").OptionSpec} OptionSpec */

/** Rules of subtitles, which a preset sets together. */
export const PRESET = "preset";

/**
 * The options that concern a format: their help names the formats in parentheses.
 * @param {Record<string, OptionSpec>} options
 * @param {string[]} formats
 * @param {string} format
 * @returns {[string, OptionSpec][]}
 */
export function optionsFor(options, formats, format) {
    const known = new Set(formats);
    return Object.entries(options).filter(([name, { doc }]) => {
        if (name === "format") return false;
        const named = new Set();
        for (const [, inside] of doc.matchAll(/\(([^)]*)\)/gu)) {
            for (const word of inside.split(/[^a-z]+/u)) if (known.has(word)) named.add(word);
        }
        return named.size === 0 ? false : named.has(format);
    });
}

/**
 * The address of a transcript in a format.
 * @param {string} path Of the job.
 * @param {string} format
 * @param {Record<string, any>} values
 */
export function exportAddress(path, format, values) {
    const query = new URLSearchParams({ format });
    for (const [name, value] of Object.entries(values)) {
        if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
    }
    return `${path}/transcript?${query}`;
}

/**
 * The file name that a response names.
 * @param {string | null} disposition
 * @param {string} fallback
 */
export function fileNameOf(disposition, fallback) {
    const extended = /filename\*=UTF-8''([^;]+)/iu.exec(disposition ?? "");
    if (extended) {
        try {
            return decodeURIComponent(extended[1]);
        } catch {
            // Not encoded as it says.
        }
    }
    return /filename="((?:[^"\\]|\\.)*)"/iu.exec(disposition ?? "")?.[1].replace(/\\(.)/gu, "$1") ?? fallback;
}
