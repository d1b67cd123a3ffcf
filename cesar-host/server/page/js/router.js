// @ts-check
/** The address after `#`: `#/`, `#/library`, `#/job/ID?t=12.5`, `#/system`. */

import { signal } from "./dom.js";

/**
 * @typedef {object} Route
 * @property {"home" | "library" | "job" | "system"} view
 * @property {string} id
 * @property {URLSearchParams} query
 */

/**
 * @param {string} hash
 * @returns {Route}
 */
export function parse(hash) {
    const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
    const [view, id = "", ...more] = path.split("/");
    const known = view === "library" || view === "system" || (view === "job" && /^[\w-]+$/.test(id) && !more.length);
    return {
        view: known ? /** @type {Route["view"]} */ (view) : "home",
        id: decoded(id),
        query: new URLSearchParams(query),
    };
}

/** @param {string} text */
function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

/** The view that is shown. */
export const route = signal(parse(location.hash));

addEventListener("hashchange", () => {
    route.value = parse(location.hash);
});

/**
 * The address of a job, at a time.
 * @param {string} id
 * @param {number} [seconds]
 */
export const jobAddress = (id, seconds) =>
    `#/job/${encodeURIComponent(id)}${seconds === undefined ? "" : `?t=${Math.round(seconds * 1000) / 1000}`}`;

/**
 * Shows another view.
 * @param {string} hash
 */
export function go(hash) {
    location.hash = hash;
}
