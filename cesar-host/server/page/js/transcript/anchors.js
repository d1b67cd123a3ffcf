// @ts-check
/**
 * Places of operations on the recording's clock. A change that waits for the server is moved with them when another window has
 * corrected the transcript meanwhile.
 */

import { apply, Misfit } from "./apply.js";
import { countWords, exact, hasTimes, pieces, relaxed, toMs } from "./pieces.js";
import { speakersOf } from "./voices.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {import("./types.js").Anchor} Anchor */

/** Maximum shift of a word, in milliseconds. */
const REACH_MS = 2000;

/** @param {Doc} doc @param {number} segment @param {number} word @param {number} count @returns {Anchor} */
function ofWords(doc, segment, word, count) {
    const there = pieces(doc.segments[segment] ?? { id: 0, start: 0, end: 0, text: "" }).slice(word, word + count);
    const [first, last] = [there[0], there[there.length - 1]];
    if (!first) throw new Misfit(`there is no word ${word} in segment ${segment}`);
    return { start: first.start / 1000, end: last.end / 1000, text: there.map((piece) => piece.text).join(" ") };
}

/**
 * The operation with the place that it is about.
 * @param {Doc} doc
 * @param {Operation} operation
 * @returns {Operation}
 */
export function anchored(doc, operation) {
    const { op, segment = 0, word = 0, count = 1 } = operation;
    if (op === "replace_words" || op === "delete_words") return { ...operation, anchors: [ofWords(doc, segment, word, count)] };
    if (op === "insert_words" || op === "split_segment") return { ...operation, anchors: [ofWords(doc, segment, word, 1)] };
    if (op === "join_segments") return { ...operation, anchors: [ofWords(doc, segment + 1, 0, 1)] };
    if (op === "set_speaker") {
        const [first, last] = [doc.segments[segment], doc.segments[segment + count - 1]];
        if (!first || !last) throw new Misfit(`there is no segment ${segment}`);
        return { ...operation, anchors: [{ start: first.start, end: last.end, text: first.text.slice(0, 200) }] };
    }
    return operation;
}

/** @param {string[]} forms @param {string} wanted @returns {number} the number of texts that joined are the wanted one, or 0 */
function matching(forms, wanted) {
    let rest = wanted;
    for (let index = 0; index < forms.length; index += 1) {
        if (!rest.startsWith(forms[index])) return 0;
        rest = rest.slice(forms[index].length);
        if (!rest) return index + 1;
    }
    return 0;
}

/**
 * The words of an anchor: where they were, else the nearest ones with the same text.
 * @param {Doc} doc
 * @param {Anchor} anchor
 * @returns {{ segment: number, word: number, count: number } | null}
 */
function locate(doc, anchor) {
    const [start, end] = [toMs(anchor.start), toMs(anchor.end)];
    for (const form of [exact, relaxed]) {
        const wanted = form(anchor.text);
        let best = null;
        let least = Infinity;
        for (let segment = 0; wanted && segment < doc.segments.length; segment += 1) {
            const there = doc.segments[segment];
            if (toMs(there.start) > end + REACH_MS || toMs(there.end) + REACH_MS < start) continue;
            const all = pieces(there);
            const forms = all.map((piece) => form(piece.text));
            for (let word = 0; word < all.length; word += 1) {
                const distance = Math.abs(all[word].start - start);
                if (distance >= least || (hasTimes(there) && distance > REACH_MS)) continue;
                const count = matching(forms.slice(word), wanted);
                if (count) [best, least] = [{ segment, word, count }, distance];
            }
        }
        if (best) return best;
    }
    return null;
}

/** @param {Doc} doc @param {Anchor} anchor @returns {{ segment: number, count: number } | null} */
function locateSegments(doc, anchor) {
    const [start, end] = [toMs(anchor.start), toMs(anchor.end)];
    const inside = doc.segments.flatMap((segment, index) => {
        const [from, to] = [toMs(segment.start), toMs(segment.end)];
        const shared = Math.min(to, end) - Math.max(from, start);
        return shared > 0 && shared * 2 >= to - from ? [index] : [];
    });
    return inside.length ? { segment: inside[0], count: inside[inside.length - 1] - inside[0] + 1 } : null;
}

/**
 * An operation moved to another version of the document; `null` where it has no place there.
 * @param {Doc} doc
 * @param {Operation} operation With its anchors.
 * @returns {Operation | null}
 */
function relocated(doc, operation) {
    const { op, anchors = [], word = 0 } = operation;
    const anchor = anchors[0];
    if (op === "rename_speaker") return speakersOf(doc).includes(operation.speaker ?? "") ? operation : null;
    if (op === "merge_speakers") {
        const all = speakersOf(doc);
        const speakers = (operation.speakers ?? []).filter((label) => all.includes(label));
        return speakers.length ? { ...operation, speakers } : null;
    }
    if (!anchor) return operation;
    if (op === "set_speaker") {
        const place = locateSegments(doc, anchor);
        return place && { ...operation, ...place };
    }
    const place = locate(doc, anchor);
    if (!place) return null;
    const { segment } = place;
    if (op === "join_segments") return place.word === 0 && segment > 0 ? { ...operation, segment: segment - 1 } : null;
    if (op === "split_segment") return place.word > 0 ? { ...operation, segment, word: place.word } : null;
    if (op === "insert_words") return { ...operation, segment, word: place.word };
    const count = Math.min(place.count, countWords(doc.segments[segment]) - place.word);
    return { ...operation, segment, word: place.word ?? word, count };
}

/**
 * Moves operations to another version of the document, one after the other.
 * @param {Doc} doc
 * @param {Operation[]} operations With their anchors.
 * @returns {{ doc: Doc, operations: Operation[], lost: Operation[] }} `lost` has those without a place.
 */
export function rebase(doc, operations) {
    const [kept, lost] = [/** @type {Operation[]} */ ([]), /** @type {Operation[]} */ ([])];
    for (const operation of operations) {
        try {
            const moved = relocated(doc, operation);
            if (!moved) throw new Misfit("it has no place");
            const next = apply(doc, moved);
            kept.push(anchored(doc, moved));
            doc = next;
        } catch (error) {
            if (!(error instanceof Misfit)) throw error;
            lost.push(operation);
        }
    }
    return { doc, operations: kept, lost };
}

/**
 * Whether two batches are one; anchors do not count, nor fields without a value.
 * @param {Operation[]} one
 * @param {Operation[]} other
 */
export const same = (one, other) =>
    JSON.stringify(one.map(({ anchors: _, ...rest }) => Object.entries(rest).sort())) ===
    JSON.stringify(other.map(({ anchors: _, ...rest }) => Object.entries(rest).filter(([, value]) => value !== null).sort()));
