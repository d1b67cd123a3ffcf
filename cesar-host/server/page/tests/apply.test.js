import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, applyAll, applyRun, Misfit } from "../js/transcript/apply.js";
import { dialogue, lines, segment } from "./documents.js";

test("as many words as before keep the times of each", () => {
    const doc = apply(dialogue(), { op: "replace_words", segment: 0, word: 1, count: 2, text: "main harbour" });
    assert.equal(doc.segments[0].text, "The main harbour closed.");
    assert.deepEqual(doc.segments[0].words?.[2], { start: 2, end: 2.8, word: " harbour", probability: null, speaker: "A" });
});

test("another number of words divides the time by length", () => {
    const doc = apply(dialogue(), { op: "replace_words", segment: 0, word: 1, text: "a bbb" });
    assert.deepEqual(doc.segments[0].words?.slice(1, 3).map(({ start, end }) => [start, end]), [[1, 1.2], [1.2, 1.8]]);
});

test("inserted words lie between their neighbours", () => {
    const doc = apply(dialogue(), { op: "insert_words", segment: 0, word: 1, text: "very" });
    assert.deepEqual(doc.segments[0].words?.[1], { start: 0.8, end: 1, word: " very", probability: null, speaker: "A" });
});

test("a segment without words goes, and the others are numbered again", () => {
    const doc = apply(dialogue(), { op: "delete_words", segment: 1, word: 0, count: 4 });
    assert.deepEqual(doc.segments.map(({ id, text }) => [id, text]), [[0, "The old harbor closed."], [1, "It closed in May."]]);
});

test("segments without word times are edited by white space", () => {
    const doc = { ...lines(""), segments: [segment(0, "one two three", { timed: false })] };
    assert.equal(apply(doc, { op: "replace_words", segment: 0, word: 1, text: "2" }).segments[0].text, "one 2 three");
    assert.equal(apply(doc, { op: "delete_words", segment: 0, word: 2 }).segments[0].text, "one two");
    assert.equal(apply(doc, { op: "insert_words", segment: 0, word: 2, text: "four", after: true }).segments[0].text, "one two three four");
});

test("a new turn from a word splits segment and turns", () => {
    const doc = applyAll(dialogue(), [
        { op: "split_segment", segment: 0, word: 2 },
        { op: "set_speaker", segment: 1, speaker: "C" },
    ]);
    assert.deepEqual(doc.segments.map(({ speaker, text }) => [speaker, text]).slice(0, 2), [["A", "The old"], ["C", "harbor closed."]]);
    assert.deepEqual(doc.turns?.slice(0, 2), [{ start: 0, end: 2, speaker: "A" }, { start: 2, end: 3.8, speaker: "C" }]);
    assert.deepEqual(doc.speakers, ["A", "B", "C"]);
});

test("a speaker without a turn is forgotten", () => {
    assert.deepEqual(apply(dialogue(), { op: "set_speaker", segment: 1, speaker: "A" }).speakers, ["A"]);
});

test("a renamed speaker has the name everywhere, and may not take that of another", () => {
    const doc = apply(dialogue(), { op: "rename_speaker", speaker: "A", name: "Ann" });
    assert.deepEqual(doc.speakers, ["Ann", "B"]);
    assert.equal(doc.segments[2].words?.[0].speaker, "Ann");
    assert.equal(doc.turns?.[0].speaker, "Ann");
    assert.throws(() => apply(dialogue(), { op: "rename_speaker", speaker: "A", name: "B" }), Misfit);
});

test("merged speakers are one", () => {
    const doc = apply(dialogue(), { op: "merge_speakers", speakers: ["A", "B"], name: "A" });
    assert.deepEqual([doc.speakers, doc.segments[1].speaker], [["A"], "A"]);
});

test("joined segments are one", () => {
    const doc = apply(dialogue(), { op: "join_segments", segment: 0 });
    assert.equal(doc.segments[0].text, "The old harbor closed. When did it close?");
    assert.equal(doc.segments.length, 2);
});

test("the document itself never changes", () => {
    const doc = dialogue();
    const before = JSON.stringify(doc);
    apply(doc, { op: "set_speaker", segment: 1, speaker: "A" });
    apply(doc, { op: "replace_words", segment: 0, word: 0, text: "x" });
    assert.equal(JSON.stringify(doc), before);
});

test("what the document does not have is refused", () => {
    assert.throws(() => apply(dialogue(), { op: "replace_words", segment: 9, word: 0, text: "x" }), Misfit);
    assert.throws(() => apply(dialogue(), { op: "delete_words", segment: 0, word: 3, count: 2 }), Misfit);
    assert.throws(() => apply(dialogue(), { op: "split_segment", segment: 0, word: 0 }), Misfit);
    assert.throws(() => apply(dialogue(), { op: "set_speaker", segment: 2, count: 2, speaker: "B" }), Misfit);
});

test("a run of operations gives what they give one by one, and leaves the document as it was", () => {
    const doc = dialogue();
    const before = JSON.stringify(doc);
    const operations = [
        { op: "replace_words", segment: 1, word: 0, text: "Well" },
        { op: "replace_words", segment: 0, word: 1, text: "one two" },
        { op: "delete_words", segment: 1, word: 0, count: 4 },
        { op: "replace_words", segment: 0, word: 0, text: "So" },
    ];
    const seen = applyRun(doc, operations, (now) => now.segments.length);
    assert.equal(JSON.stringify(seen.doc), JSON.stringify(applyAll(doc, operations)));
    assert.deepEqual(seen.visited, [doc.segments.length, doc.segments.length, doc.segments.length, doc.segments.length - 1]);
    assert.equal(JSON.stringify(doc), before);
    assert.throws(() => applyRun(doc, [operations[0], { op: "replace_words", segment: 99, word: 0, text: "x" }], () => 0), Misfit);
    assert.equal(JSON.stringify(doc), before);
});
