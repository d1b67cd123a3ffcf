// @ts-check
/** Changes of speakers, kept consistent in segments, words, turns and the list of labels, as the server makes them. */

import { toMs } from "./pieces.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Segment} Segment */
/** @typedef {{ start: number, end: number, speaker: string }} Span A turn in milliseconds. */

/**
 * The labels: those of the list, then others of segments.
 * @param {Doc} doc
 * @returns {string[]}
 */
export function speakersOf(doc) {
    const labels = new Set(doc.speakers ?? []);
    for (const { speaker } of doc.segments) if (speaker !== undefined) labels.add(speaker);
    return [...labels];
}

/** @param {Doc} doc @returns {Span[]} */
const spansOf = (doc) =>
    (doc.turns ?? []).map(({ start, end, speaker }) => ({ start: toMs(start), end: toMs(end), speaker }));

/** @param {Span[]} spans */
const turnsOf = (spans) => spans.map(({ start, end, speaker }) => ({ start: start / 1000, end: end / 1000, speaker }));

/** @param {Span} one @param {Span} other */
const inOrder = (one, other) => one.start - other.start || one.end - other.end;

/** @param {Span[]} spans @param {Span} added */
function insert(spans, added) {
    const at = spans.findIndex((span) => inOrder(span, added) > 0);
    spans.splice(at < 0 ? spans.length : at, 0, added);
}

/** @param {Span[]} spans @param {Span} taken @returns {Span[]} */
function takeAway(spans, { speaker, start, end }) {
    /** @type {Span[]} */
    const rests = [];
    const kept = spans.filter((span) => {
        if (span.speaker !== speaker || span.end <= start || span.start >= end) return true;
        if (span.start < start) rests.push({ ...span, end: start });
        if (end < span.end) rests.push({ ...span, start: end });
        return false;
    });
    for (const rest of rests) insert(kept, rest);
    return kept;
}

/** @param {Span[]} spans @param {Span} added @returns {Span[]} */
function add(spans, added) {
    let { start, end } = added;
    const kept = spans.filter((span) => {
        const apart = span.speaker !== added.speaker || span.end < start || span.start > end;
        if (!apart) [start, end] = [Math.min(start, span.start), Math.max(end, span.end)];
        return apart;
    });
    insert(kept, { ...added, start, end });
    return kept;
}

/** @param {Span[]} spans @param {string} speaker @returns {Span[]} */
function united(spans, speaker) {
    const all = spans.filter((span) => span.speaker !== speaker);
    /** @type {Span | undefined} */
    let last;
    for (const span of spans.filter((span) => span.speaker === speaker).sort(inOrder)) {
        if (last && span.start <= last.end) last.end = Math.max(last.end, span.end);
        else {
            last = { ...span };
            all.push(last);
        }
    }
    return all.sort((one, other) => inOrder(one, other) || (one.speaker < other.speaker ? -1 : 1));
}

/** @param {Segment} segment @param {Span[]} spans */
function overlaps(segment, spans) {
    const [start, end] = [toMs(segment.start), toMs(segment.end)];
    const inside = spans.filter((span) => Math.max(span.start, start) < Math.min(span.end, end));
    return inside.some((one, index) =>
        inside.slice(index + 1).some(
            (other) =>
                other.speaker !== one.speaker &&
                Math.max(one.start, other.start, start) < Math.min(one.end, other.end, end),
        ),
    );
}

/** @param {Segment[]} segments @param {Span[]} spans @param {number} start @param {number} end */
function findOverlaps(segments, spans, start, end) {
    return segments.map((segment) => {
        const changed = segment.overlap && toMs(segment.end) >= start && toMs(segment.start) <= end;
        return changed && !overlaps(segment, spans) ? { ...segment, overlap: false } : segment;
    });
}

/**
 * Gives segments to a speaker, with the time of their turns.
 * @param {Doc} doc
 * @param {number} from
 * @param {number} to
 * @param {string} speaker
 * @returns {Doc}
 */
export function setSpeaker(doc, from, to, speaker) {
    const there = doc.segments.slice(from, to);
    if (there.every((segment) => segment.speaker === speaker)) return doc;
    let segments = doc.segments.map((segment, index) => {
        if (index < from || index >= to) return segment;
        const words = segment.words?.map((word) => ({ ...word, speaker }));
        return words ? { ...segment, speaker, words } : { ...segment, speaker };
    });
    let spans = spansOf(doc);
    for (const segment of there) {
        const [start, end] = [toMs(segment.start), Math.max(toMs(segment.start), toMs(segment.end))];
        if (segment.speaker !== undefined && segment.speaker !== speaker) {
            spans = takeAway(spans, { speaker: segment.speaker, start, end });
        }
        if (start < end) spans = add(spans, { speaker, start, end });
    }
    const used = new Set([...segments.map((segment) => segment.speaker), ...spans.map((span) => span.speaker)]);
    const left = new Set(there.map((segment) => segment.speaker));
    const labels = doc.speakers ?? [];
    const speakers = (labels.includes(speaker) ? labels : [...labels, speaker]).filter(
        (label) => !left.has(label) || used.has(label),
    );
    const start = Math.min(...there.map((segment) => toMs(segment.start)));
    const end = Math.max(...there.map((segment) => toMs(segment.end)));
    segments = findOverlaps(segments, spans, start, end);
    return { ...doc, segments, speakers, turns: turnsOf(spans) };
}

/**
 * Makes one speaker of several, or renames one.
 * @param {Doc} doc
 * @param {string[]} labels
 * @param {string} name
 * @returns {Doc}
 */
export function mergeSpeakers(doc, labels, name) {
    const those = new Set(labels);
    const is = (/** @type {string | undefined} */ speaker) => speaker !== undefined && those.has(speaker);
    const renamed = new Set((doc.speakers ?? []).map((label) => (is(label) ? name : label)));
    let segments = doc.segments.map((segment) => {
        const words = segment.words?.some((word) => is(word.speaker))
            ? segment.words.map((word) => (is(word.speaker) ? { ...word, speaker: name } : word))
            : segment.words;
        if (!is(segment.speaker) && words === segment.words) return segment;
        const changed = { ...segment };
        if (is(segment.speaker)) changed.speaker = name;
        if (words) changed.words = words;
        return changed;
    });
    let spans = spansOf(doc).map((span) => (is(span.speaker) ? { ...span, speaker: name } : span));
    if (those.size > 1) {
        spans = united(spans, name);
        segments = findOverlaps(segments, spans, 0, Infinity);
    }
    const result = { ...doc, segments };
    if (doc.speakers) result.speakers = [...renamed];
    if (doc.turns) result.turns = turnsOf(spans);
    return result;
}
