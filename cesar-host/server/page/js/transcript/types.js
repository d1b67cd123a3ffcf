// @ts-check
/** The transcript document and its corrections, as docs/reference/document.md and docs/guide/corrections.md describe them. */

/** @typedef {{ start: number, end: number, word: string, probability: number | null, speaker?: string }} Word */
/**
 * @typedef {object} Segment
 * @property {number} id
 * @property {number} start
 * @property {number} end
 * @property {string} text
 * @property {string} [speaker]
 * @property {boolean} [overlap]
 * @property {Word[]} [words]
 * @property {number} [quality]
 */
/** @typedef {{ start: number, end: number, speaker: string }} Turn */
/** @typedef {{ start: number, end: number, reason: string }} Truncation */
/** @typedef {{ kind: string, start: number, end: number, message: string }} Issue */
/**
 * @typedef {object} Doc Never changed in place: a change makes a new one, which shares the segments that stay.
 * @property {Segment[]} segments
 * @property {string | null} [language]
 * @property {string} task
 * @property {number} duration
 * @property {string} [created]
 * @property {string[]} [speakers]
 * @property {Turn[]} [turns]
 * @property {Truncation[]} [truncated]
 * @property {{ stage: string, reason: string, message: string, retry?: string }} [partial]
 * @property {{ issues: Issue[] }} [audio]
 * @property {Record<string, any>} [provenance]
 */
/** @typedef {{ start: number, end: number, text: string }} Anchor A place on the recording's clock. */
/**
 * @typedef {object} Operation
 * @property {"replace_words" | "insert_words" | "delete_words" | "split_segment" | "join_segments" | "set_speaker" | "rename_speaker" | "merge_speakers" | "undo"} op
 * @property {number} [segment]
 * @property {number} [word]
 * @property {number} [count]
 * @property {string} [text]
 * @property {boolean} [after]
 * @property {string} [speaker]
 * @property {string} [name]
 * @property {string[]} [speakers]
 * @property {number} [revision]
 * @property {Anchor[]} [anchors]
 */

export {};
