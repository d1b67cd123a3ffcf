import assert from "node:assert/strict";
import { test } from "node:test";
import { applyAll } from "../js/transcript/apply.js";
import { Editor } from "../js/transcript/editor.js";
import { dialogue } from "./documents.js";

/** A server with revisions, as the real one: one batch at a time, undone by revision. */
class Server {
    doc = dialogue();
    /** @type {{ revision: number, operations: any[], undone: boolean }[]} */
    revisions = [];
    /** @type {((operations: any[]) => any)[]} What the next requests get instead of an answer. */
    faults = [];
    requests = 0;
    /** @type {any[]} */
    reported = [];

    get current() {
        return this.revisions.length;
    }

    get text() {
        return this.render().segments.map((segment) => segment.text).join(" ");
    }

    render() {
        const kept = this.revisions.filter((revision) => !revision.undone);
        return applyAll(this.doc, kept.flatMap((revision) => revision.operations.filter((operation) => operation.op !== "undo")));
    }

    /** @param {any[]} operations */
    store(operations) {
        this.revisions.push({ revision: this.current + 1, operations: structuredClone(operations), undone: false });
        for (const { op, revision } of operations) if (op === "undo") this.undo(revision);
        return this.current;
    }

    /** @param {number} number */
    undo(number) {
        const target = this.revisions[number - 1];
        target.undone = !target.undone;
        for (const operation of target.operations) if (operation.op === "undo") this.undo(operation.revision);
    }

    /** @param {any[]} operations @param {number} expected */
    async send(operations, expected) {
        this.requests += 1;
        await null;
        const fault = this.faults.shift();
        if (fault) fault(operations);
        if (expected !== this.current) {
            const changes = this.revisions.slice(expected);
            throw { status: 409, problem: { revision: this.current, changes } };
        }
        return this.store(operations);
    }

    editor() {
        return new Editor(this.render(), this.current, {
            send: (operations, expected) => this.send(operations, expected),
            load: async () => ({ doc: this.render(), revision: this.current }),
            changed: () => {},
            report: (event) => this.reported.push(event),
            pause: async () => {},
        });
    }
}

/** @param {number} segment @param {number} word @param {string} text @returns {any} */
const replace = (segment, word, text) => ({ op: "replace_words", segment, word, count: 1, text });

const idle = async (/** @type {Editor} */ editor) => {
    for (let turn = 0; turn < 200 && (!editor.isSaved || editor.sending); turn += 1) await new Promise((resume) => setImmediate(resume));
    assert.ok(editor.isSaved, "saved");
};

/** @param {Editor} editor */
const textOf = (editor) => editor.doc.segments.map((segment) => segment.text).join(" ");

test("a change is seen at once and stored", async () => {
    const server = new Server();
    const editor = server.editor();
    editor.change([replace(0, 2, "harbour")], "a");
    assert.match(textOf(editor), /harbour/);
    await idle(editor);
    assert.match(server.text, /harbour/);
    assert.equal(editor.revision, 1);
});

test("a thousand changes are undone and made again", async () => {
    const server = new Server();
    const editor = server.editor();
    const start = textOf(editor);
    for (let count = 0; count < 1000; count += 1) editor.change([replace(0, 0, `w${count}`)], "a");
    await idle(editor);
    const end = textOf(editor);
    for (let count = 0; count < 1000; count += 1) assert.equal(editor.undo(), "a");
    assert.equal(editor.undo(), null);
    assert.equal(textOf(editor), start);
    await idle(editor);
    assert.equal(server.text, start);
    for (let count = 0; count < 1000; count += 1) editor.redo();
    await idle(editor);
    assert.deepEqual([textOf(editor), server.text], [end, end]);
});

test("a change that was undone before it was sent never reaches the server", async () => {
    const server = new Server();
    const editor = server.editor();
    editor.change([replace(0, 0, "x")], "a");
    editor.change([replace(0, 1, "y")], "b");
    editor.undo();
    await idle(editor);
    assert.equal(server.current, 1);
    editor.redo();
    await idle(editor);
    assert.match(server.text, /^x y/);
});

test("two windows keep the corrections of both, and the second one reports it", async () => {
    const server = new Server();
    const [one, other] = [server.editor(), server.editor()];
    one.change([replace(0, 2, "harbour")], "a");
    await idle(one);
    other.change([replace(0, 3, "shut.")], "b");
    await idle(other);
    assert.match(server.text, /^The old harbour shut\./);
    assert.equal(textOf(other), server.text);
    assert.deepEqual(server.reported.map((event) => event.kind), ["merged"]);
    await one.refresh(server.current);
    assert.equal(textOf(one), server.text);
});

test("words move with what another window inserted before them", async () => {
    const server = new Server();
    const editor = server.editor();
    server.store([{ op: "delete_words", segment: 0, word: 0, count: 4 }, { op: "insert_words", segment: 0, word: 0, text: "So" }]);
    editor.change([replace(1, 3, "shut?")], "a");
    await idle(editor);
    assert.equal(server.text, "So When did it shut? It closed in May.");
});

test("a correction that lost its place is reported with its text", async () => {
    const server = new Server();
    const editor = server.editor();
    server.store([{ op: "delete_words", segment: 0, word: 0, count: 4 }]);
    editor.change([replace(0, 2, "harbour")], "a");
    await idle(editor);
    const lost = server.reported.find((event) => event.kind === "lost");
    assert.equal(lost.lost[0].text, "harbour");
    assert.equal(textOf(editor), server.text);
});

test("undo of a change below another window's one takes back only its own", async () => {
    const server = new Server();
    const editor = server.editor();
    editor.change([replace(0, 2, "harbour")], "a");
    await idle(editor);
    server.store([replace(0, 3, "shut.")]);
    await editor.refresh(server.current);
    editor.undo();
    await idle(editor);
    assert.equal(server.text, "The old harbor shut. When did it close? It closed in May.");
    assert.equal(textOf(editor), server.text);
});

test("a lost answer is not stored twice", async () => {
    const server = new Server();
    const editor = server.editor();
    server.faults.push((operations) => {
        server.store(operations);
        throw { status: 0 };
    });
    editor.change([{ op: "insert_words", segment: 0, word: 0, text: "So" }], "a");
    await idle(editor);
    assert.equal(server.current, 1);
    assert.match(textOf(editor), /^So The/);
    editor.undo();
    await idle(editor);
    assert.match(server.text, /^The old/);
});

test("a lost server gets everything in order when it is back", async () => {
    const server = new Server();
    const editor = server.editor();
    for (let count = 0; count < 5; count += 1) server.faults.push(() => { throw { status: 503 }; });
    editor.change([replace(0, 0, "x")], "a");
    editor.change([replace(0, 1, "y")], "b");
    await idle(editor);
    assert.match(server.text, /^x y harbor/);
    assert.equal(server.current, 2);
});

test("a change that is made while the transcript is loaded again is sent", async () => {
    const server = new Server();
    const editor = server.editor();
    server.store([replace(0, 3, "shut.")]);
    const load = editor.outside.load;
    editor.outside.load = async () => {
        const loaded = await load();
        await new Promise((resume) => setTimeout(resume, 5));
        return loaded;
    };
    const refreshed = editor.refresh(server.current);
    await null;
    editor.change([replace(0, 2, "harbour")], "a");
    await refreshed;
    await idle(editor);
    assert.match(server.text, /^The old harbour shut\./);
    assert.equal(textOf(editor), server.text);
    assert.deepEqual(server.reported, []);
});

test("the news of an own correction loads nothing", async () => {
    const server = new Server();
    const editor = server.editor();
    let loads = 0;
    editor.outside.load = async () => {
        loads += 1;
        return { doc: server.render(), revision: server.current };
    };
    editor.change([replace(0, 2, "harbour")], "a");
    const news = editor.refresh(1);
    await idle(editor);
    await news;
    assert.equal(loads, 0);
});

test("a refused batch is reported, and what follows is kept", async () => {
    const server = new Server();
    const editor = server.editor();
    server.faults.push(() => { throw { status: 422 }; });
    editor.change([replace(0, 0, "x")], "a");
    editor.change([replace(1, 0, "Where")], "b");
    await idle(editor);
    assert.match(server.text, /^The old harbor closed. Where did/);
    assert.equal(textOf(editor), server.text);
    assert.equal(server.reported[0].kind, "refused");
});

test("drafts of a window that is gone are taken over once", async () => {
    const server = new Server();
    const gone = server.editor();
    for (let count = 0; count < 1e4; count += 1) server.faults.push(() => { throw { status: 0 }; });
    gone.change([replace(0, 2, "harbour")], "a");
    gone.stop();
    const drafts = JSON.parse(JSON.stringify(gone.drafts()));
    server.faults = [];
    server.store([{ op: "insert_words", segment: 0, word: 0, text: "So" }]);
    const next = server.editor();
    next.adopt(drafts);
    await idle(next);
    assert.match(server.text, /^So The old harbour/);
    const again = server.editor();
    again.adopt(drafts.map((/** @type {any} */ draft) => ({ ...draft, attempted: true })), server.revisions);
    await idle(again);
    assert.equal(server.current, 2);
});

test("a draft equal to an older revision is no stored draft", async () => {
    const server = new Server();
    const first = server.editor();
    first.change([replace(0, 2, "harbour")], "a");
    first.undo();
    await idle(first);
    first.change([replace(0, 2, "harbour")], "a");
    await idle(first);
    first.undo();
    await idle(first);
    const since = server.current;
    const next = server.editor();
    next.adopt([{ operations: server.revisions[0].operations.map((operation) => ({ ...operation, anchors: [{ start: 2, end: 2.8, text: "harbor" }] })), label: "a", undone: [], attempted: true, since }], server.revisions);
    await idle(next);
    assert.match(server.text, /harbour/);
});

test("a window that is loaded again undoes what it did before", async () => {
    const server = new Server();
    const first = server.editor();
    first.change([replace(0, 2, "harbour")], "a");
    first.change([replace(0, 3, "shut.")], "b");
    await idle(first);
    const next = server.editor();
    next.restore(JSON.parse(JSON.stringify(first.steps())));
    assert.equal(next.undo(), "b");
    await idle(next);
    assert.match(textOf(next), /^The old harbour closed\./);
    assert.equal(next.undo(), "a");
    await idle(next);
    assert.match(textOf(next), /^The old harbor closed\./);
    assert.equal(next.redo(), "a");
    await idle(next);
    assert.match(server.text, /^The old harbour closed\./);
});

test("many replacements are few batches and one undo", async () => {
    const server = new Server();
    const editor = server.editor();
    const operations = Array.from({ length: 4500 }, (_, count) => replace(0, count % 4, `w${count}`));
    editor.change(operations, "all");
    await idle(editor);
    assert.equal(server.current, 3);
    editor.undo();
    await idle(editor);
    assert.equal(server.text, "The old harbor closed. When did it close? It closed in May.");
    assert.equal(editor.undo(), null);
});
