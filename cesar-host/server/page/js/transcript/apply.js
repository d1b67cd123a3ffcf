// @ts-check
/**
 * Operations on a document, as the server applies them: the reader sees the result before the server has answered.
 * Pure functions; a document is never changed in place.
 */

import { countWords, divide, hasTimes, leadOf, pieces, separator, toMs, tokenPlaces, tokensOf } from "./pieces.js";
import { mergeSpeakers, setSpeaker, speakersOf } from "./voices.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Segment} Segment */
/** @typedef {import("./types.js").Operation} Operation */

/** An operation that does not fit the document. */
export class Misfit extends Error {}

/** @param {Doc} doc @param {number} at @returns {Segment} */
function segmentAt(doc, at) {
    const segment = doc.segments[at];
    if (!segment) throw new Misfit(`there is no segment ${at}`);
    return segment;
}

/** @param {Doc} doc @param {Operation} operation @returns {[number, number, number]} */
function wordsAt(doc, { segment = 0, word = 0, count = 1 }) {
    const words = countWords(segmentAt(doc, segment));
    if (count < 1 || word + count > words) throw new Misfit(`segment ${segment} has ${words} words`);
    return [segment, word, word + count];
}

/** @param {Segment} segment @returns {Segment} */
function rewritten(segment) {
    return hasTimes(segment) ? { ...segment, text: segment.words.map((word) => word.word).join("").trim() } : segment;
}

/** @param {Segment[]} segments */
const numbered = (segments) => segments.map((segment, id) => (segment.id === id ? segment : { ...segment, id }));

/** The list of segments that a run of operations has made and nothing else refers to, while there is one. @type {Segment[] | null} */
let own = null;

/**
 * Applies operations in order. The list of segments is copied once, not for each operation: between two of them `visit` may read the
 * document, and must not keep it.
 * @template T
 * @param {Doc} doc
 * @param {Operation[]} operations
 * @param {(doc: Doc, operation: Operation) => T} visit Called before each operation.
 * @returns {{ doc: Doc, visited: T[] }}
 * @throws {Misfit}
 */
export function applyRun(doc, operations, visit) {
    own = doc.segments.slice();
    let now = { ...doc, segments: own };
    try {
        const visited = operations.map((operation) => {
            const found = visit(now, operation);
            now = apply(now, operation);
            return found;
        });
        return { doc: now, visited };
    } finally {
        own = null;
    }
}

/**
 * @param {Doc} doc
 * @param {number} at
 * @param {number} removed
 * @param {Segment[]} added
 * @returns {Doc}
 */
function splice(doc, at, removed, added) {
    const segments = doc.segments === own ? own : doc.segments.slice();
    segments.splice(at, removed, ...added);
    if (removed === added.length) return segments === own ? doc : { ...doc, segments };
    const renumbered = numbered(segments);
    if (segments === own) own = renumbered;
    return { ...doc, segments: renumbered };
}

/** @param {string} text @param {string} lead @param {[number, number][]} times @param {string | undefined} speaker */
function newWords(text, lead, times, speaker) {
    return tokensOf(text).map((token, index) => ({
        start: times[index][0] / 1000,
        end: times[index][1] / 1000,
        word: `${index ? " " : lead}${token}`,
        probability: null,
        ...(speaker === undefined ? {} : { speaker }),
    }));
}

/** @param {Doc} doc @param {Operation} operation */
function replaceWords(doc, operation) {
    const [at, from, to] = wordsAt(doc, operation);
    const [segment, text] = [doc.segments[at], operation.text ?? ""];
    if (!text.trim()) throw new Misfit("the text is empty");
    if (!hasTimes(segment)) {
        const places = tokenPlaces(segment.text);
        const changed = segment.text.slice(0, places[from].start) + tokensOf(text).join(" ") + segment.text.slice(places[to - 1].end);
        return splice(doc, at, 1, [{ ...segment, text: changed }]);
    }
    const old = segment.words.slice(from, to);
    const start = toMs(old[0].start);
    const end = Math.max(start, ...old.map((word) => toMs(word.end)));
    const tokens = tokensOf(text);
    /** @type {[number, number][]} */
    const times =
        tokens.length === old.length ? old.map((word) => [toMs(word.start), toMs(word.end)]) : divide(start, end, tokens);
    const added = newWords(text, leadOf(old[0].word), times, old[0].speaker);
    const words = [...segment.words.slice(0, from), ...added, ...segment.words.slice(to)];
    return splice(doc, at, 1, [rewritten({ ...segment, words })]);
}

/** @param {Doc} doc @param {Operation} operation */
function insertWords(doc, operation) {
    const [index, from, to] = wordsAt(doc, { ...operation, count: 1 });
    const [segment, text] = [doc.segments[index], operation.text ?? ""];
    if (!text.trim()) throw new Misfit("the text is empty");
    const at = operation.after ? to : from;
    if (!hasTimes(segment)) {
        const [place, spaced] = [tokenPlaces(segment.text)[at], tokensOf(text).join(" ")];
        const changed = place
            ? `${segment.text.slice(0, place.start)}${spaced} ${segment.text.slice(place.start)}`
            : `${segment.text} ${spaced}`;
        return splice(doc, index, 1, [{ ...segment, text: changed }]);
    }
    const [before, next] = [segment.words[at - 1], segment.words[at]];
    let end = toMs(next ? next.start : segment.end);
    let start = toMs(before ? before.end : segment.start);
    if (next) start = Math.min(start, end);
    else end = Math.max(start, end);
    const neighbour = next ?? before;
    const lead = at === 0 ? leadOf(neighbour?.word ?? "") : " ";
    const added = newWords(text, lead, divide(start, end, tokensOf(text)), neighbour?.speaker);
    const rest = segment.words.slice(at);
    if (at === 0 && rest[0] && !leadOf(rest[0].word)) rest[0] = { ...rest[0], word: ` ${rest[0].word}` };
    return splice(doc, index, 1, [rewritten({ ...segment, words: [...segment.words.slice(0, at), ...added, ...rest] })]);
}

/** @param {Doc} doc @param {Operation} operation */
function deleteWords(doc, operation) {
    const [at, from, to] = wordsAt(doc, operation);
    const segment = doc.segments[at];
    if (to - from === countWords(segment)) return splice(doc, at, 1, []);
    if (hasTimes(segment)) {
        const words = [...segment.words.slice(0, from), ...segment.words.slice(to)];
        return splice(doc, at, 1, [rewritten({ ...segment, words })]);
    }
    const places = tokenPlaces(segment.text);
    const [start, end] = places[to] ? [places[from].start, places[to].start] : [places[from - 1].end, segment.text.length];
    return splice(doc, at, 1, [{ ...segment, text: segment.text.slice(0, start) + segment.text.slice(end) }]);
}

/** @param {Doc} doc @param {Operation} operation */
function splitSegment(doc, operation) {
    const [at, word] = wordsAt(doc, { ...operation, count: 1 });
    if (word === 0) throw new Misfit("the first word of a segment begins it already");
    const segment = doc.segments[at];
    const all = pieces(segment);
    const start = toMs(segment.start);
    const end = Math.max(start, toMs(segment.end));
    const next = Math.min(Math.max(all[word].start, start), end);
    const said = Math.min(Math.max(all[word - 1].end, start), next);
    let first = { ...segment, end: said / 1000 };
    let second = { ...segment, start: next / 1000, end: end / 1000 };
    if (hasTimes(segment)) {
        first = rewritten({ ...first, words: segment.words.slice(0, word) });
        second = rewritten({ ...second, words: segment.words.slice(word) });
    } else {
        const place = tokenPlaces(segment.text)[word].start;
        first.text = segment.text.slice(0, place).trimEnd();
        second.text = segment.text.slice(place).trim();
    }
    return splice(doc, at, 1, [first, second]);
}

/** @param {Doc} doc @param {Operation} operation */
function joinSegments(doc, { segment: at = 0 }) {
    segmentAt(doc, at);
    if (!doc.segments[at + 1]) throw new Misfit(`segment ${at} is the last one`);
    let joined = doc;
    const [one, other] = [doc.segments[at].speaker, doc.segments[at + 1].speaker];
    if (one !== undefined && one !== other) joined = setSpeaker(doc, at + 1, at + 2, one);
    else if (one === undefined && other !== undefined) joined = setSpeaker(doc, at, at + 1, other);
    const [first, second] = [joined.segments[at], joined.segments[at + 1]];
    const space = separator(doc.language, doc.task);
    const result = { ...first, end: Math.max(first.end, second.end), overlap: first.overlap || second.overlap };
    if (first.overlap === undefined && second.overlap === undefined) delete result.overlap;
    if (first.quality !== second.quality) delete result.quality;
    if (hasTimes(first) && hasTimes(second)) {
        const words = second.words.map((word, index) =>
            index === 0 && !/^\s/u.test(word.word) ? { ...word, word: space + word.word } : word,
        );
        result.words = [...first.words, ...words];
    } else {
        result.text = `${first.text}${space}${second.text}`;
        if (hasTimes(first) || hasTimes(second)) result.words = [];
    }
    return splice(joined, at, 2, [rewritten(result)]);
}

/** @param {Doc} doc @param {string[]} labels @param {string} name */
function merge(doc, labels, name) {
    const all = speakersOf(doc);
    for (const label of labels) if (!all.includes(label)) throw new Misfit(`there is no speaker ${label}`);
    if (!name.trim()) throw new Misfit("the name is empty");
    if (all.includes(name) && !labels.includes(name)) throw new Misfit(`there is a speaker ${name} already`);
    return mergeSpeakers(doc, labels, name);
}

/**
 * Applies one operation.
 * @param {Doc} doc
 * @param {Operation} operation
 * @returns {Doc}
 * @throws {Misfit}
 */
export function apply(doc, operation) {
    switch (operation.op) {
        case "replace_words":
            return replaceWords(doc, operation);
        case "insert_words":
            return insertWords(doc, operation);
        case "delete_words":
            return deleteWords(doc, operation);
        case "split_segment":
            return splitSegment(doc, operation);
        case "join_segments":
            return joinSegments(doc, operation);
        case "set_speaker": {
            const { segment = 0, count = 1, speaker = "" } = operation;
            segmentAt(doc, segment + count - 1);
            return setSpeaker(doc, segment, segment + count, speaker);
        }
        case "rename_speaker":
            return merge(doc, [operation.speaker ?? ""], operation.name ?? "");
        case "merge_speakers":
            return merge(doc, operation.speakers ?? [], operation.name ?? "");
        default:
            throw new Misfit("an undo needs the server");
    }
}

/**
 * Applies operations in order.
 * @param {Doc} doc
 * @param {Operation[]} operations
 */
export const applyAll = (doc, operations) => operations.reduce(apply, doc);
