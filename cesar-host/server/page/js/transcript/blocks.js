// @ts-check
/** Rows of the transcript: paragraphs of one speaker, and notes on the recording at their place. */

import { countWords } from "./pieces.js";

/** @typedef {import("./types.js").Doc} Doc */
/**
 * @typedef {object} Block
 * @property {"turn"} kind
 * @property {string} key
 * @property {number} first The first segment.
 * @property {number} count
 * @property {string | undefined} speaker
 * @property {boolean} opens Whether another speaker, or none, spoke before.
 * @property {number} start
 * @property {number} end
 * @property {import("./types.js").Segment[]} segments
 * @property {number} letters
 */
/** @typedef {{ kind: "note", key: string, start: number, end: number, note: "truncated" | "issue", detail: string, issue: string }} Note */
/** @typedef {Block | Note} Row */

/** A silence, in seconds, after which a paragraph begins. */
const PAUSE = 2.5;
/** Words after which a paragraph ends with its sentence. */
const LONG = 80;
/** Words after which it ends in any case. */
const TOO_LONG = 220;

const SENTENCE_END = /[.!?…。！？؟۔]["'”’»)\]]*$/u;

/**
 * Paragraphs of the segments.
 * @param {Doc} doc
 * @returns {Block[]}
 */
export function paragraphs(doc) {
    /** @type {Block[]} */
    const blocks = [];
    /** @type {Block | null} */
    let open = null;
    let words = 0;
    const keys = new Set();
    doc.segments.forEach((segment, index) => {
        const before = doc.segments[index - 1];
        const ended = before && SENTENCE_END.test(before.text);
        const breaks =
            !open ||
            segment.speaker !== open.speaker ||
            segment.start - before.end > PAUSE ||
            (words >= LONG && ended) ||
            words >= TOO_LONG;
        if (breaks || !open) {
            let key = `t${Math.round(segment.start * 1000)}`;
            while (keys.has(key)) key += "+";
            keys.add(key);
            open = {
                kind: "turn",
                key,
                first: index,
                count: 0,
                speaker: segment.speaker,
                opens: !before || before.speaker !== segment.speaker,
                start: segment.start,
                end: segment.end,
                segments: [],
                letters: 0,
            };
            blocks.push(open);
            words = 0;
        }
        open.count += 1;
        open.end = Math.max(open.end, segment.end);
        open.segments.push(segment);
        open.letters += segment.text.length + 1;
        words += countWords(segment);
    });
    return blocks;
}

/**
 * Places of missing text and of faults of the recording.
 * @param {Doc} doc
 * @returns {Note[]}
 */
export function notes(doc) {
    const truncated = (doc.truncated ?? []).map((cut) => ({
        kind: /** @type {const} */ ("note"),
        key: `c${cut.start}`,
        start: cut.start,
        end: cut.end,
        note: /** @type {const} */ ("truncated"),
        detail: cut.reason,
        issue: "",
    }));
    const issues = (doc.audio?.issues ?? []).map((issue, index) => ({
        kind: /** @type {const} */ ("note"),
        key: `i${index}-${issue.start}`,
        start: issue.start,
        end: issue.end,
        note: /** @type {const} */ ("issue"),
        detail: issue.message,
        issue: issue.kind,
    }));
    return [...truncated, ...issues].sort((one, other) => one.start - other.start);
}

/**
 * All rows in order of time; a note stands before the first paragraph that begins after it, or inside none.
 * @param {Doc} doc
 * @returns {Row[]}
 */
export function rowsOf(doc) {
    /** @type {Row[]} */
    const rows = [];
    const waiting = notes(doc);
    for (const block of paragraphs(doc)) {
        while (waiting.length && waiting[0].start <= block.start) rows.push(/** @type {Note} */ (waiting.shift()));
        rows.push(block);
    }
    return [...rows, ...waiting];
}

/**
 * The row of a segment, by binary search; -1 where there is none.
 * @param {Row[]} rows
 * @param {number} segment
 */
export function rowOfSegment(rows, segment) {
    let [low, high] = [0, rows.length - 1];
    while (low <= high) {
        const middle = (low + high) >> 1;
        let at = middle;
        while (at >= low && rows[at].kind === "note") at -= 1;
        const row = rows[at];
        if (at < low || row.kind === "note") {
            low = middle + 1;
        } else if (segment < row.first) {
            high = at - 1;
        } else if (segment >= row.first + row.count) {
            low = middle + 1;
        } else {
            return at;
        }
    }
    return -1;
}
