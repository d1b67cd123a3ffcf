// @ts-check
/** The operations that make an edited text of a segment. Words that stay keep their times. */

import { apply } from "./apply.js";
import { written } from "./pieces.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {{ text: string, from: number, to: number, spaced: boolean }} Token A word, or a character of a script without spaces. */
/** @typedef {{ from: number, to: number, text: string, before: boolean, after: boolean }} Hunk A part of the old text and what stands there now; `before` and `after`: whether that is written without a space beside its neighbours. */

const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const TOKEN = new RegExp(`[${UNSPACED}]\\p{M}*|[^\\s${UNSPACED}]+`, "gu");

/** @param {string} text @returns {Token[]} */
function tokensIn(text) {
    return [...text.matchAll(TOKEN)].map(({ 0: token, index }) => ({
        text: token,
        from: index,
        to: index + token.length,
        spaced: index > 0 && /\s/u.test(text.charAt(index - 1)),
    }));
}

/** @param {string} text */
const normal = (text) => text.replace(/\s+/gu, " ").trim();

/** @param {Token[]} tokens */
const joined = (tokens) => tokens.map((token, index) => (index && token.spaced ? " " : "") + token.text).join("");

/** Above this number of compared pairs, what differs is replaced as a whole. */
const MAX_PAIRS = 4_000_000;

/**
 * The longest common subsequence of two lists, as pairs of indices.
 * @param {string[]} old
 * @param {string[]} now
 * @returns {[number, number][]}
 */
function common(old, now) {
    let [start, oldEnd, nowEnd] = [0, old.length, now.length];
    /** @type {[number, number][]} */
    const pairs = [];
    while (start < oldEnd && start < nowEnd && old[start] === now[start]) pairs.push([start, start++]);
    /** @type {[number, number][]} */
    const tail = [];
    while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) tail.unshift([--oldEnd, --nowEnd]);
    const [rows, columns] = [oldEnd - start, nowEnd - start];
    if (rows && columns && rows * columns <= MAX_PAIRS) {
        const width = columns + 1;
        const lengths = new Uint16Array((rows + 1) * width);
        for (let row = rows - 1; row >= 0; row -= 1) {
            for (let column = columns - 1; column >= 0; column -= 1) {
                const at = row * width + column;
                lengths[at] =
                    old[start + row] === now[start + column]
                        ? lengths[at + width + 1] + 1
                        : Math.max(lengths[at + width], lengths[at + 1]);
            }
        }
        for (let row = 0, column = 0; row < rows && column < columns; ) {
            const at = row * width + column;
            if (old[start + row] === now[start + column]) pairs.push([start + row++, start + column++]);
            else if (lengths[at + width] >= lengths[at + 1]) row += 1;
            else column += 1;
        }
    }
    return [...pairs, ...tail];
}

/**
 * The differences between two texts.
 * @param {string} old
 * @param {string} now
 * @returns {Hunk[]}
 */
function hunks(old, now) {
    const [a, b] = [tokensIn(old), tokensIn(now)];
    /** @type {Hunk[]} */
    const found = [];
    let [i, j] = [0, 0];
    const pairs = common(a.map((token) => token.text), b.map((token) => token.text));
    for (const [nextI, nextJ] of [...pairs, /** @type {[number, number]} */ ([a.length, b.length])]) {
        const added = b.slice(j, nextJ);
        if (nextI > i || added.length) {
            const before = added.length > 0 && j > 0 && !added[0].spaced;
            const after = added.length > 0 && nextJ < b.length && !b[nextJ].spaced;
            const isInsertion = nextI === i;
            const next = a[i] ? a[i].from : old.length;
            const from = isInsertion && i > 0 && !after ? a[i - 1].to : next;
            const lead = isInsertion && i > 0 && !before && !after ? " " : "";
            const trail = isInsertion && i === 0 && !after && a.length ? " " : "";
            found.push({ from, to: isInsertion ? from : a[nextI - 1].to, text: lead + joined(added) + trail, before, after });
        }
        [i, j] = [nextI + 1, nextJ + 1];
    }
    return found;
}

/**
 * The words that a difference touches, as first and one beyond the last. An insertion between words touches none, unless it is written
 * without a space beside one.
 * @param {Hunk} hunk
 * @param {{ from: number, to: number }[]} places The words in the old text, without the white space before them.
 * @returns {[number, number]}
 */
function touched({ from, to, before, after }, places) {
    let first = places.findIndex((place) => place.to > from);
    if (first < 0) first = places.length;
    let last = first;
    while (last < places.length && (places[last].from < to || (from === to && places[last].from < from))) last += 1;
    if (from < to) return [first, last];
    return [before && first > 0 && first === last ? first - 1 : first, after ? Math.min(Math.max(last, first + 1), places.length) : last];
}

/**
 * Widens what differs to whole words, and unites what touches the same words.
 * @param {Hunk[]} differences
 * @param {{ from: number, to: number }[]} places
 * @param {string} old
 */
function byWords(differences, places, old) {
    /** @type {{ first: number, last: number, hunks: Hunk[] }[]} */
    const groups = [];
    for (const hunk of differences) {
        const [first, last] = touched(hunk, places);
        const open = groups[groups.length - 1];
        if (open && first < open.last) {
            open.last = Math.max(open.last, last);
            open.hunks.push(hunk);
        } else groups.push({ first, last, hunks: [hunk] });
    }
    return groups.map(({ first, last, hunks: parts }) => {
        const from = Math.min(parts[0].from, first < last ? places[first].from : Infinity);
        const to = Math.max(parts[parts.length - 1].to, first < last ? places[last - 1].to : -Infinity);
        let [text, at] = ["", from];
        for (const part of parts) {
            text += old.slice(at, part.from) + part.text;
            at = part.to;
        }
        return { first, last, text: text + old.slice(at, to) };
    });
}

/**
 * The operations that give a segment another text, from its end to its start so that each finds its words.
 * @param {Doc} doc
 * @param {number} segment
 * @param {string} edited
 * @returns {Operation[]}
 */
export function operationsFor(doc, segment, edited) {
    const there = doc.segments[segment];
    const words = written(there);
    const [old, now] = [words.join(""), normal(edited)];
    if (normal(old) === now) return [];
    if (!now) return [{ op: "delete_words", segment, word: 0, count: words.length }];
    let end = 0;
    const places = words.map((word) => {
        const from = end + word.length - word.trimStart().length;
        end += word.length;
        return { from, to: end };
    });
    const operations = byWords(hunks(old, now), places, old).reverse().flatMap(/** @returns {Operation[]} */ ({ first, last, text }) => {
        const [count, trimmed] = [last - first, normal(text)];
        if (count && trimmed) return [{ op: "replace_words", segment, word: first, count, text: trimmed }];
        if (count) return [{ op: "delete_words", segment, word: first, count }];
        if (!trimmed) return [];
        return first < words.length
            ? [{ op: "insert_words", segment, word: first, text: trimmed }]
            : [{ op: "insert_words", segment, word: words.length - 1, text: trimmed, after: true }];
    });
    return gives(doc, operations, segment, now)
        ? operations
        : [{ op: "replace_words", segment, word: 0, count: words.length, text: now }];
}

/** @param {Doc} doc @param {Operation[]} operations @param {number} segment @param {string} text */
function gives(doc, operations, segment, text) {
    try {
        const result = operations.reduce(apply, doc);
        return normal(result.segments[segment].text) === text;
    } catch {
        return false;
    }
}
