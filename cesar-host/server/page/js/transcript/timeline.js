// @ts-check
/** Words by time. */

import { pieces } from "./pieces.js";

/** @typedef {import("./types.js").Doc} Doc */

/** After its end a word stays lit this long, in seconds, so that short pauses do not flicker. */
const LINGER = 0.6;

/**
 * The last item that begins at or before a time; -1 where all begin later.
 * @template T
 * @param {T[]} items In order of time.
 * @param {number} time
 * @param {(item: T) => number} startOf
 */
export function lastBefore(items, time, startOf) {
    let [low, high] = [-1, items.length - 1];
    while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (startOf(items[middle]) <= time) low = middle;
        else high = middle - 1;
    }
    return low;
}

/**
 * The segment that is spoken at a time, or was spoken last; -1 before the first.
 * @param {Doc} doc
 * @param {number} time
 */
export const segmentAtTime = (doc, time) => lastBefore(doc.segments, time + 1e-4, (segment) => segment.start);

/**
 * The word at a time; `null` before the first, and in pauses unless `nearest`.
 * @param {Doc} doc
 * @param {number} time
 * @param {boolean} [nearest]
 * @returns {{ segment: number, word: number } | null}
 */
export function wordAtTime(doc, time, nearest = false) {
    let segment = segmentAtTime(doc, time);
    if (segment < 0) {
        if (!nearest || !doc.segments.length) return null;
        segment = 0;
    }
    const all = pieces(doc.segments[segment]);
    if (!all.length) return null;
    const ms = Math.round(time * 1000);
    const word = Math.max(0, lastBefore(all, ms, (piece) => piece.start));
    const over = ms > all[word].end + LINGER * 1000 && ms > doc.segments[segment].end * 1000 + LINGER * 1000;
    return over && !nearest ? null : { segment, word };
}

/**
 * The word before or after another.
 * @param {Doc} doc
 * @param {{ segment: number, word: number }} place
 * @param {1 | -1} step
 */
export function neighbour(doc, { segment, word }, step) {
    const all = pieces(doc.segments[segment]);
    if (word + step >= 0 && word + step < all.length) return { segment, word: word + step };
    for (let next = segment + step; next >= 0 && next < doc.segments.length; next += step) {
        const words = pieces(doc.segments[next]).length;
        if (words) return { segment: next, word: step > 0 ? 0 : words - 1 };
    }
    return null;
}

/**
 * Start of a word, in seconds.
 * @param {Doc} doc
 * @param {{ segment: number, word: number }} place
 */
export function timeOf(doc, { segment, word }) {
    const there = doc.segments[segment];
    const piece = there && pieces(there)[word];
    return piece ? piece.start / 1000 : (there?.start ?? 0);
}
