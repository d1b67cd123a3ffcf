import assert from "node:assert/strict";
import { test } from "node:test";
import { applyAll } from "../js/transcript/apply.js";
import { operationsFor } from "../js/transcript/diff.js";
import { lines, segment } from "./documents.js";

const SENTENCE = "the old harbor is very big today";

/** @param {string} edited */
const edit = (edited, doc = lines(SENTENCE)) => operationsFor(doc, 0, edited);

test("a replaced word is one operation", () => {
    assert.deepEqual(edit("the old harbour is very big today"), [
        { op: "replace_words", segment: 0, word: 2, count: 1, text: "harbour" },
    ]);
});

test("other white space is no change", () => {
    assert.deepEqual(edit("  the old  harbor is very big today "), []);
});

test("words are inserted at both ends and between", () => {
    assert.deepEqual(edit("So the old main harbor is very big today now"), [
        { op: "insert_words", segment: 0, word: 6, text: "now", after: true },
        { op: "insert_words", segment: 0, word: 2, text: "main" },
        { op: "insert_words", segment: 0, word: 0, text: "So" },
    ]);
});

test("words are deleted, and joined and divided words replaced", () => {
    assert.deepEqual(edit("the harbor is very big today"), [{ op: "delete_words", segment: 0, word: 1, count: 1 }]);
    assert.deepEqual(edit("theold harbor is very big today"), [{ op: "replace_words", segment: 0, word: 0, count: 2, text: "theold" }]);
    assert.deepEqual(edit("the old har bor is very big today"), [{ op: "replace_words", segment: 0, word: 2, count: 1, text: "har bor" }]);
});

test("an empty text deletes the segment", () => {
    assert.deepEqual(edit(" "), [{ op: "delete_words", segment: 0, word: 0, count: 7 }]);
});

test("words without spaces get no spaces", () => {
    const doc = { ...lines(""), segments: [segment(0, "你好世界", { lead: "" })] };
    assert.deepEqual(edit("你很好世界", doc), [{ op: "replace_words", segment: 0, word: 0, count: 2, text: "你很好" }]);
    assert.deepEqual(edit("你好世界吗", doc), [{ op: "replace_words", segment: 0, word: 3, count: 1, text: "界吗" }]);
    assert.deepEqual(edit("好世界", doc), [{ op: "delete_words", segment: 0, word: 0, count: 1 }]);
});

test("words that stay keep their times", () => {
    const doc = lines(SENTENCE);
    const words = applyAll(doc, edit("the old main harbour is big today")).segments[0].words ?? [];
    const times = new Map((doc.segments[0].words ?? []).map(({ word, start }) => [word, start]));
    for (const { word, start } of words) if (times.has(word)) assert.equal(start, times.get(word), word);
});

test("any edit gives the edited text", () => {
    let seed = 5;
    const next = (/** @type {number} */ below) => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * below);
    };
    const words = ["a", "bb", "ccc", "a,", "好", "世界", "don't", "—"];
    for (let round = 0; round < 3000; round += 1) {
        const text = () => Array.from({ length: 1 + next(9) }, () => words[next(words.length)]).join(next(4) ? " " : "");
        const doc = { ...lines(""), segments: [segment(0, text(), { timed: next(3) > 0 })] };
        const edited = text();
        const result = applyAll(doc, operationsFor(doc, 0, edited)).segments[0].text;
        assert.equal(result, edited, `${doc.segments[0].text} → ${edited}`);
    }
});
