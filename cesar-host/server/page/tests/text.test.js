import assert from "node:assert/strict";
import { test } from "node:test";
import { notes, paragraphs, rowOfSegment, rowsOf } from "../js/transcript/blocks.js";
import { optionsFor, exportAddress, fileNameOf } from "../js/transcript/export_options.js";
import { applyAll } from "../js/transcript/apply.js";
import { findAll, replacements } from "../js/transcript/find.js";
import { Geometry } from "../js/transcript/geometry.js";
import { colours } from "../js/transcript/palette.js";
import { neighbour, wordAtTime } from "../js/transcript/timeline.js";
import { dialogue, lines } from "./documents.js";
import { longTranscript } from "./long_transcript.js";

const query = (/** @type {string} */ text, more = {}) => ({ text, matchCase: false, wholeWords: false, ...more });

test("rows that were measured keep their heights when rows are added before them", () => {
    const rows = new Geometry();
    rows.setRows(["a", "b", "c"], [10, 10, 10]);
    assert.equal(rows.measure(1, 40), 30);
    assert.deepEqual([rows.top(1), rows.top(2), rows.total], [10, 50, 60]);
    rows.setRows(["x", "a", "b", "c"], [5, 10, 10, 10]);
    assert.deepEqual([rows.top(2), rows.top(3), rows.total], [15, 55, 65]);
});

test("the rows of a viewport are found, and the ends hold", () => {
    const rows = new Geometry();
    rows.setRows(Array.from({ length: 1000 }, (_, index) => String(index)), new Array(1000).fill(20));
    assert.deepEqual(rows.range(100, 159), [5, 8]);
    assert.deepEqual(rows.range(-500, -100), [0, 1]);
    assert.deepEqual(rows.range(1e9, 2e9), [999, 1000]);
    rows.setRows([], []);
    assert.deepEqual(rows.range(0, 100), [0, 0]);
});

test("the word at a time, in pauses, and before the first", () => {
    const doc = dialogue();
    assert.deepEqual(wordAtTime(doc, 2.1), { segment: 0, word: 2 });
    assert.deepEqual(wordAtTime(doc, 1.9), { segment: 0, word: 1 });
    assert.equal(wordAtTime(doc, 6), null);
    assert.deepEqual(wordAtTime(doc, 6, true), { segment: 0, word: 3 });
    assert.deepEqual(wordAtTime({ ...doc, segments: doc.segments.slice(1) }, 1, true), { segment: 0, word: 0 });
    assert.equal(wordAtTime(lines(), 1, true), null);
});

test("the next word may be in the next segment", () => {
    const doc = dialogue();
    assert.deepEqual(neighbour(doc, { segment: 0, word: 3 }, 1), { segment: 1, word: 0 });
    assert.deepEqual(neighbour(doc, { segment: 1, word: 0 }, -1), { segment: 0, word: 3 });
    assert.equal(neighbour(doc, { segment: 0, word: 0 }, -1), null);
});

test("text is found over words and without case", () => {
    const doc = dialogue();
    assert.deepEqual(findAll(doc, query("OLD har")).map(({ segment, first, last }) => [segment, first, last]), [[0, 1, 2]]);
    assert.equal(findAll(doc, query("close")).length, 3);
    assert.equal(findAll(doc, query("close", { wholeWords: true })).length, 1);
    assert.equal(findAll(doc, query("CLOSE", { matchCase: true })).length, 0);
    assert.equal(findAll(doc, query("(?")).length, 0);
    assert.equal(findAll(doc, query(" ")).length, 0);
});

test("all matches are replaced, also several in one word and all of a segment", () => {
    const doc = lines("banana and banana", "close", "ana");
    const all = (/** @type {string} */ text, /** @type {string} */ by) => {
        const matches = findAll(doc, query(text));
        return applyAll(doc, replacements(doc, matches, by)).segments.map((segment) => segment.text);
    };
    assert.deepEqual(all("an", "o"), ["booa od booa", "close", "oa"]);
    assert.deepEqual(all("ana", ""), ["bna and bna", "close"]);
    assert.deepEqual(all("and banana", "or two figs"), ["banana or two figs", "close", "ana"]);
    assert.deepEqual(all("close", "close"), ["banana and banana", "close", "ana"]);
});

test("a paragraph ends with its speaker, and every segment has a row", () => {
    const doc = longTranscript(5000);
    const rows = rowsOf({ ...doc, truncated: [{ start: 100, end: 105, reason: "max_length" }], audio: { issues: [{ kind: "gap", start: 1e6, end: 1e6, message: "" }] } });
    for (const segment of doc.segments) {
        const row = rows[rowOfSegment(rows, segment.id)];
        assert.ok(row.kind === "turn" && row.speaker === segment.speaker && row.segments.includes(segment));
    }
    assert.equal(new Set(rows.map((row) => row.key)).size, rows.length);
    assert.equal(rows.filter((row) => row.kind === "note").length, 2);
    assert.equal(rows[rows.length - 1].kind, "note");
    assert.equal(rowOfSegment(rows, doc.segments.length), -1);
    assert.equal(notes(doc).length, 0);
    assert.equal(paragraphs(dialogue()).length, 3);
});

test("a renamed speaker keeps its colour, a new one gets a free one", () => {
    const before = colours(new Map(), ["A", "B", "C"]);
    const renamed = colours(before, ["A", "Bo", "C"], { from: "B", to: "Bo" });
    assert.deepEqual([...renamed], [["A", 0], ["Bo", 1], ["C", 2]]);
    assert.deepEqual([...colours(renamed, ["A", "C", "D"])], [["A", 0], ["C", 2], ["D", 1]]);
});

test("options of a format are those that name it", () => {
    const options = {
        format: { doc: "Output format." },
        preset: { doc: "Rules of a guide (srt, vtt)." },
        highlight: { doc: "Underline (srt, vtt), or write its time (lrc), where known." },
        media: { doc: "The source of the player (html), the file that is opened (otr, eaf)." },
    };
    const names = (/** @type {string} */ format) => optionsFor(/** @type {any} */ (options), ["srt", "vtt", "lrc", "html", "otr", "eaf", "txt"], format).map(([name]) => name);
    assert.deepEqual(names("srt"), ["preset", "highlight"]);
    assert.deepEqual(names("lrc"), ["highlight"]);
    assert.deepEqual(names("html"), ["media"]);
    assert.deepEqual(names("txt"), []);
});

test("addresses and names of exports", () => {
    assert.equal(exportAddress("/jobs/1", "srt", { preset: "netflix", max_cps: undefined, x: "" }), "/jobs/1/transcript?format=srt&preset=netflix");
    assert.equal(fileNameOf("attachment; filename=\"a.srt\"; filename*=UTF-8''%C3%A4.srt", "x"), "ä.srt");
    assert.equal(fileNameOf('inline; filename="a \\"b\\".srt"', "x"), 'a "b".srt');
    assert.equal(fileNameOf(null, "x"), "x");
});
