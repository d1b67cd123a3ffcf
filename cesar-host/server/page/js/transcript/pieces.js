// @ts-check
/** Words of segments, with and without word times, as the server counts them. Times are whole milliseconds here. */

/** @typedef {import("./types.js").Segment} Segment */
/** @typedef {import("./types.js").Word} Word */
/** @typedef {{ text: string, start: number, end: number, probability: number | null }} Piece */

/** Languages that are written without spaces between sentences. */
const UNSPACED = new Set(["zh", "ja", "yue", "th", "lo", "km", "my", "bo"]);

/** @param {number} seconds */
export const toMs = (seconds) => Math.round(seconds * 1000);

/**
 * The separator between two sentences.
 * @param {string | null | undefined} language
 * @param {string} task
 */
export const separator = (language, task) => (language && UNSPACED.has(language) && task !== "translate" ? "" : " ");

/**
 * Whether the segment has word times.
 * @param {Segment} segment
 * @returns {segment is Segment & { words: Word[] }}
 */
export const hasTimes = (segment) => Boolean(segment.words?.length);

/** @param {string} text */
export const tokensOf = (text) => text.split(/\s+/u).filter(Boolean);

/**
 * The places of the words that white space separates.
 * @param {string} text
 * @returns {{ start: number, end: number }[]}
 */
export function tokenPlaces(text) {
    return [...text.matchAll(/\S+/gu)].map((match) => ({ start: match.index, end: match.index + match[0].length }));
}

/**
 * The number of words.
 * @param {Segment} segment
 */
export const countWords = (segment) => (hasTimes(segment) ? segment.words.length : tokensOf(segment.text).length);

/**
 * Divides a span by the lengths of the texts, in characters.
 * @param {number} start
 * @param {number} end
 * @param {string[]} texts
 * @returns {[number, number][]}
 */
export function divide(start, end, texts) {
    const lengths = texts.map((text) => Math.max(1, [...text.trim()].length));
    const total = Math.max(1, lengths.reduce((sum, length) => sum + length, 0));
    const span = Math.max(0, end - start);
    let before = 0;
    return lengths.map((length) => {
        const from = start + Math.floor((span * before) / total);
        before += length;
        return [from, start + Math.floor((span * before) / total)];
    });
}

/** @type {WeakMap<Segment, Piece[]>} */
const known = new WeakMap();

/**
 * The words of a segment; without word times they are divided by the length of the text.
 * @param {Segment} segment
 * @returns {Piece[]}
 */
export function pieces(segment) {
    let found = known.get(segment);
    if (found) return found;
    if (hasTimes(segment)) {
        found = segment.words.map((word) => ({
            text: word.word.trim(),
            start: toMs(word.start),
            end: Math.max(toMs(word.end), toMs(word.start)),
            probability: word.probability,
        }));
    } else {
        const tokens = tokensOf(segment.text);
        const times = divide(toMs(segment.start), toMs(segment.end), tokens);
        found = tokens.map((text, index) => ({ text, start: times[index][0], end: times[index][1], probability: null }));
    }
    known.set(segment, found);
    return found;
}

/**
 * The white space before a word.
 * @param {string} word
 */
export const leadOf = (word) => word.slice(0, word.length - word.trimStart().length);

/**
 * The words of a segment as they stand in its text: joined they are the text.
 * @param {Segment} segment
 * @returns {string[]}
 */
export function written(segment) {
    if (hasTimes(segment)) return segment.words.map((word, index) => (index ? word.word : word.word.trimStart()));
    return tokensOf(segment.text).map((token, index) => (index ? ` ${token}` : token));
}

/**
 * The text without white space and case.
 * @param {string} text
 */
export const exact = (text) => text.replace(/\s+/gu, "").toLowerCase();

/**
 * The same without punctuation; as it is where there is nothing else.
 * @param {string} text
 */
export const relaxed = (text) => text.replace(/[^\p{Alphabetic}\p{N}]+/gu, "").toLowerCase() || exact(text);
