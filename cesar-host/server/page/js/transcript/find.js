// @ts-check
/** Finding text, and the operations that replace it. */

import { written } from "./pieces.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {{ segment: number, first: number, last: number, from: number, to: number }} Match Words, and the place in the text. */
/** @typedef {{ text: string, matchCase: boolean, wholeWords: boolean }} Query */

/** @param {Query} query @returns {RegExp | null} */
function pattern({ text, matchCase, wholeWords }) {
    const words = text.trim().split(/\s+/u).filter(Boolean);
    if (!words.length) return null;
    const body = words.map((word) => word.replace(/[.*+?^${}()|[\]\\/-]/gu, "\\$&")).join("\\s+");
    const edge = "[\\p{L}\\p{N}\\p{M}_]";
    return new RegExp(wholeWords ? `(?<!${edge})${body}(?!${edge})` : body, matchCase ? "gu" : "giu");
}

/**
 * Places of a text. A match does not reach over the end of a segment.
 * @param {Doc} doc
 * @param {Query} query
 * @returns {Match[]}
 */
export function findAll(doc, query) {
    const wanted = pattern(query);
    /** @type {Match[]} */
    const matches = [];
    if (!wanted) return matches;
    doc.segments.forEach((segment, index) => {
        const words = written(segment);
        const text = words.join("");
        let [word, start] = [0, 0];
        for (const match of text.matchAll(wanted)) {
            const [from, to] = [match.index, match.index + match[0].length];
            while (word < words.length - 1 && start + words[word].length <= from) start += words[word++].length;
            let [last, end] = [word, start + words[word].length];
            while (last < words.length - 1 && end < to) end += words[++last].length;
            matches.push({ segment: index, first: word, last, from, to });
        }
    });
    return matches;
}

/**
 * The operations that replace matches, the last first so that each finds its words. Matches in one word are one operation.
 * @param {Doc} doc
 * @param {Match[]} matches In order.
 * @param {string} replacement
 * @returns {Operation[]}
 */
export function replacements(doc, matches, replacement) {
    /** @type {Operation[]} */
    const operations = [];
    for (let index = matches.length - 1; index >= 0; index -= 1) {
        const group = [matches[index]];
        const { segment } = group[0];
        let { first } = group[0];
        while (index > 0 && matches[index - 1].segment === segment && matches[index - 1].last >= first) {
            index -= 1;
            group.unshift(matches[index]);
            first = matches[index].first;
        }
        const words = written(doc.segments[segment]);
        const last = group[group.length - 1].last;
        const start = words.slice(0, first).join("").length;
        let text = words.slice(first, last + 1).join("");
        for (const { from, to } of group.reverse()) text = text.slice(0, from - start) + replacement + text.slice(to - start);
        const count = last - first + 1;
        const now = text.replace(/\s+/gu, " ").trim();
        if (now === words.slice(first, last + 1).join("").trim()) continue;
        operations.push(
            now
                ? { op: "replace_words", segment, word: first, count, text: now }
                : { op: "delete_words", segment, word: first, count },
        );
    }
    return operations;
}

