// @ts-check
/** The transcript of one job: its text while it is recognised, then the document with corrections. */

import { ApiError, explain, getJson, isUnreached, request } from "../api.js";
import { batch, computed, effect, signal } from "../dom.js";
import { watchAll, watchJob } from "../events.js";
import { t } from "../i18n.js";
import { hasTranscript, isActive, jobs, online, putJobs } from "../store.js";
import { toast } from "../ui.js";
import { anchored, rebase } from "./anchors.js";
import { applyRun } from "./apply.js";
import { rowsOf } from "./blocks.js";
import { copyText } from "./clipboard.js";
import { operationsFor } from "./diff.js";
import { Drafts } from "./drafts.js";
import { Editor } from "./editor.js";
import { colours } from "./palette.js";
import { speakersOf } from "./voices.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {{ segment: number, text: string, selection: [number, number] }} Typing A segment that is edited. */

/** @type {Doc} */
const EMPTY = { segments: [], task: "transcribe", duration: 0 };

/** The longest text in a notice. */
const MAX_SHOWN = 80;

/** @param {string} text */
const shortened = (text) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

/** @param {Response} response */
const revisionOf = (response) => Number(/^(?:W\/)?"(\d+)/.exec(response.headers.get("ETag") ?? "")?.[1] ?? 0);

export class Model {
    /** @type {"loading" | "live" | "ready" | "none" | "missing" | "failed"} */
    #first = "loading";
    state = signal(this.#first);
    /** @type {import("../../vendor/signals-core.js").Signal<unknown>} */
    failure = signal(null);
    doc = signal(EMPTY);
    /** The document as it was recognised, while it is shown. @type {import("../../vendor/signals-core.js").Signal<Doc | null>} */
    original = signal(null);
    shown = computed(() => this.original.value ?? this.doc.value);
    rows = computed(() => rowsOf(this.shown.value));
    speakers = computed(() => speakersOf(this.shown.value));
    /** @type {Map<string, number>} */
    #colours = new Map();
    /** @type {{ from: string, to: string } | null} */
    #renamed = null;
    colours = computed(() => (this.#colours = colours(this.#colours, this.speakers.value, this.#renamed)));
    /** @type {import("../../vendor/signals-core.js").Signal<"saved" | "saving" | "waiting">} */
    saving = signal(/** @type {"saved" | "saving" | "waiting"} */ ("saved"));
    /** Why corrections wait, where the server has said it. @type {import("../../vendor/signals-core.js").Signal<string>} */
    obstacle = signal("");
    canUndo = signal(false);
    canRedo = signal(false);
    /** @type {import("../../vendor/signals-core.js").Signal<Typing | null>} */
    typing = signal(null);
    /** The last changed words, for the glossary. @type {import("../../vendor/signals-core.js").Signal<{ wrong: string, right: string } | null>} */
    lastFix = signal(null);
    /** @type {Editor | null} */
    editor = null;
    /** @type {(() => void)[]} */
    #stops = [];
    #abort = new AbortController();

    /** @param {string} id */
    constructor(id) {
        this.id = id;
        this.path = `/jobs/${encodeURIComponent(id)}`;
        this.drafts = new Drafts(id);
        this.job = computed(() => jobs.value.get(id));
        this.editable = computed(() => this.state.value === "ready" && this.original.value === null);
    }

    async start() {
        this.#stops.push(watchAll(({ event, data }) => this.#heard(event, data)));
        await this.#begin();
    }

    /** @returns {Promise<void>} */
    async #begin() {
        try {
            if (!this.job.peek()) putJobs([await getJson(this.path, this.#abort.signal)]);
        } catch (error) {
            this.#fail(error, () => this.#begin());
            return;
        }
        let last = "";
        this.#stops.push(
            effect(() => {
                const job = this.job.value;
                const status = job?.status ?? "";
                if (!job || status === last) return;
                const wasActive = last === "" || ["queued", "downloading", "processing"].includes(last);
                const isAgain = isActive(job) && ["queued", "downloading", "processing"].includes(last);
                last = status;
                if (isActive(job)) {
                    if (!isAgain) this.#follow();
                } else if (hasTranscript(job)) {
                    if (wasActive || this.state.peek() !== "ready") void this.#open();
                } else if (this.state.peek() !== "ready") this.state.value = "none";
            }),
            effect(() => {
                if (online.value) void this.editor?.refresh();
            }),
        );
    }

    stop() {
        this.#abort.abort();
        for (const stop of this.#stops) stop();
        this.editor?.stop();
        this.drafts.close();
    }

    /** @param {unknown} error @param {() => Promise<void>} again What is done once the server is back. */
    #fail(error, again) {
        if (error instanceof DOMException) return;
        this.failure.value = error;
        this.state.value = error instanceof ApiError && error.status === 404 ? "missing" : "failed";
        if (!isUnreached(error)) return;
        void this.#pause().then(() => {
            if (!this.#abort.signal.aborted && this.state.peek() === "failed") void again();
        });
    }

    /** Shows the text of a job that runs as it comes. */
    #follow() {
        this.editor?.stop();
        this.editor = null;
        this.state.value = "live";
        /** @type {import("./types.js").Segment[]} */
        let segments = [];
        /** Those of an attempt that ended with its server, until the new ones reach them. @type {import("./types.js").Segment[]} */
        let earlier = [];
        let planned = 0;
        const show = () => {
            planned = 0;
            // The player knows the length of the recording before the job has ended.
            if (this.state.peek() !== "live") return;
            const reached = segments[segments.length - 1]?.end ?? 0;
            const rest = earlier.filter(({ start }) => start >= reached);
            const all = [...segments, ...rest].map((segment, id) => ({ ...segment, id }));
            this.doc.value = { ...EMPTY, segments: rest.length ? all : segments, duration: this.job.peek()?.duration ?? 0 };
        };
        const stop = watchJob(this.id, ({ event, data }) => {
            if (event === "started") [earlier, segments] = [segments.length ? segments : earlier, []];
            else if (event === "segment") {
                const text = String(data.text).trim();
                if (text) segments = [...segments, { id: segments.length, start: data.start, end: data.end, text }];
            } else if (event === "end") putJobs([data]);
            else return;
            // Frames are not drawn in a hidden window, a timer runs there too.
            planned ||= window.setTimeout(show, 100);
        });
        this.#stops.push(stop);
    }

    /** @returns {Promise<{ doc: Doc, revision: number }>} */
    async load() {
        const response = await request("GET", `${this.path}/transcript?format=json`, { signal: this.#abort.signal });
        return { doc: await response.json(), revision: revisionOf(response) };
    }

    async #open() {
        try {
            const { doc, revision } = await this.load();
            this.editor?.stop();
            const editor = new Editor(doc, revision, {
                send: (operations, expected) => this.#send(operations, expected),
                load: () => this.load(),
                changed: () => this.#changed(),
                report: (event) => this.#report(event),
                pause: () => this.#pause(),
            });
            this.editor = editor;
            batch(() => {
                this.doc.value = doc;
                this.state.value = "ready";
            });
            editor.restore(this.drafts.steps());
            await this.#inherit(editor);
        } catch (error) {
            this.#fail(error, () => this.#open());
        }
    }

    /** Takes over what an earlier window did not save. @param {Editor} editor */
    async #inherit(editor) {
        const keys = await this.drafts.orphans();
        if (!keys.length) return;
        // Until then the drafts stay where they are: this window may be closed, and the server killed.
        const revisions = await this.#revisions();
        if (!revisions || this.editor !== editor) return;
        const drafts = this.drafts.take(keys);
        const batches = drafts.flatMap((draft) => draft.batches ?? []);
        if (batches.length) {
            editor.adopt(batches, revisions);
            toast(t("transcript.recovered", { count: batches.length }));
        }
        for (const { typing } of drafts) {
            if (!typing) continue;
            const segment = editor.doc.segments.findIndex((there) => Math.abs(there.start - typing.anchor.start) < 0.005);
            if (segment >= 0 && !this.typing.peek()) this.typing.value = { segment, text: typing.text, selection: [typing.text.length, typing.text.length] };
            else this.offer(typing.text);
        }
        this.keep();
    }

    /** The revisions of the server, once it answers; `null` where the transcript was left meanwhile. */
    async #revisions() {
        for (;;) {
            try {
                return (await getJson(`${this.path}/transcript/history`, this.#abort.signal)).revisions;
            } catch (error) {
                if (this.#abort.signal.aborted) return null;
                if (!isUnreached(error)) throw error;
                await this.#pause();
            }
        }
    }

    /** @param {Operation[]} operations @param {number} expected */
    async #send(operations, expected) {
        const response = await request("PATCH", `${this.path}/transcript`, {
            body: { operations },
            headers: { "If-Match": `"${expected}"` },
        });
        return (await response.json()).revision;
    }

    /** Until the server is back, or a little while. @returns {Promise<void>} */
    #pause() {
        return new Promise((resume) => {
            let stop = () => {};
            const timer = setTimeout(finish, 1500);
            function finish() {
                clearTimeout(timer);
                stop();
                resume();
            }
            if (!online.peek()) stop = online.subscribe((is) => void (is && setTimeout(finish)));
        });
    }

    #changed() {
        const { editor } = this;
        if (!editor) return;
        const before = this.doc.peek();
        if (editor.doc !== before) this.#keepTyping(before, editor.doc);
        batch(() => {
            this.doc.value = editor.doc;
            this.saving.value = editor.isSaved ? "saved" : editor.waiting ? "waiting" : "saving";
            this.obstacle.value = editor.waiting && editor.obstacle ? explain(editor.obstacle) : "";
            this.canUndo.value = editor.undoSteps.length > 0;
            this.canRedo.value = editor.redoSteps.length > 0;
        });
        this.keep();
        if (editor.isSaved) this.drafts.keepSteps(editor.steps());
    }

    /** An edited segment may have another number now. @param {Doc} before @param {Doc} after */
    #keepTyping(before, after) {
        const typing = this.typing.peek();
        const old = typing && before.segments[typing.segment];
        if (!typing || !old) return;
        const segment = after.segments.findIndex((there) => Math.abs(there.start - old.start) < 0.0005);
        if (segment < 0) {
            this.typing.value = null;
            if (typing.text !== old.text) this.offer(typing.text);
            return;
        }
        const { text } = after.segments[segment];
        const both = text === old.text ? typing.text : this.#both(before, typing, after, segment);
        if (segment !== typing.segment || both !== typing.text) this.typing.value = { ...typing, segment, text: both ?? typing.text };
        if (both !== null) return;
        toast(t("transcript.changed_elsewhere", { text: shortened(text) }), {
            kind: "bad",
            action: { label: t("transcript.use_other"), run: () => this.#useOther(old.start) },
        });
    }

    /**
     * What was typed, with the changes of another window; `null` where both have changed the same words.
     * @param {Doc} before
     * @param {Typing} typing
     * @param {Doc} after
     * @param {number} segment
     */
    #both(before, typing, after, segment) {
        const operations = operationsFor(before, typing.segment, typing.text);
        if (!operations.length) return after.segments[segment].text;
        const { doc, lost } = rebase(after, applyRun(before, operations, anchored).visited);
        const there = doc.segments.find(({ start }) => Math.abs(start - after.segments[segment].start) < 0.0005);
        return lost.length || !there ? null : there.text;
    }

    /** Puts the text of another window in the place of what is typed. @param {number} start */
    #useOther(start) {
        const typing = this.typing.peek();
        const there = typing && this.doc.peek().segments[typing.segment];
        if (there && Math.abs(there.start - start) < 0.0005) this.typing.value = { ...typing, text: there.text };
        this.keep();
    }

    /** Text that is being typed. @param {string} text */
    typed(text) {
        const typing = this.typing.peek();
        // In place: nothing is drawn again while the reader types.
        if (typing) typing.text = text;
        this.keep();
    }

    /** Keeps in the browser what is not saved. */
    keep() {
        const typing = this.typing.peek();
        const there = typing && this.doc.peek().segments[typing.segment];
        const isChanged = typing && there && typing.text !== there.text;
        this.drafts.keep({
            batches: this.editor?.drafts() ?? [],
            typing: isChanged ? { anchor: { start: there.start, end: there.end, text: there.text }, text: typing.text } : null,
        });
    }

    /** Offers text that has lost its place. @param {string} text */
    offer(text) {
        toast(t("transcript.no_place", { text: shortened(text) }), {
            kind: "bad",
            action: { label: t("transcript.copy"), run: () => void copyText(text) },
        });
    }

    /** @param {Parameters<import("./editor.js").Outside["report"]>[0]} event */
    #report({ kind, count = 0, lost = [], failure }) {
        if (kind === "merged") toast(t("transcript.merged", { count }));
        else if (kind === "gone") toast(t("transcript.job_gone"), { kind: "bad" });
        else if (kind === "refused") {
            const reason = failure instanceof Error ? failure.message : "";
            toast(t("transcript.refused", { reason }), { kind: "bad" });
        }
        const text = lost.map((operation) => operation.text ?? operation.name ?? operation.speaker ?? "").filter(Boolean);
        if (text.length) this.offer(text.reverse().join(" … "));
    }

    /** @param {string} event @param {any} data */
    #heard(event, data) {
        if (event === "transcript" && data?.id === this.id) void this.editor?.refresh(data.revision).catch(() => {});
        else if (event === "removed" && data?.id === this.id && this.state.peek() !== "missing") {
            const typing = this.typing.peek();
            if (typing && typing.text !== this.doc.peek().segments[typing.segment]?.text) this.offer(typing.text);
            const lost = (this.editor?.queue ?? []).flatMap(({ operations }) => operations);
            if (lost.length) this.#report({ kind: "gone", lost });
            this.editor?.stop();
            this.state.value = "missing";
        }
    }

    /**
     * Makes a change; reports one that does not fit any more.
     * @param {Operation[]} operations
     * @param {string} label
     */
    change(operations, label) {
        const renamed = operations.find((operation) => operation.op === "rename_speaker");
        this.#renamed = renamed ? { from: renamed.speaker ?? "", to: renamed.name ?? "" } : null;
        try {
            return this.editor?.change(operations, label) ?? false;
        } catch (error) {
            toast(t("transcript.refused", { reason: error instanceof Error ? error.message : "" }), { kind: "bad" });
            return false;
        }
    }

    /** @param {"undo" | "redo"} which */
    reverse(which) {
        const label = this.editor?.[which]();
        if (label) toast(t(which === "undo" ? "transcript.undone" : "transcript.redone", { label }));
    }

    /** Shows the text as it was recognised, or the corrected text again. */
    async toggleOriginal() {
        if (this.original.peek()) return void (this.original.value = null);
        try {
            this.original.value = await getJson(`${this.path}/transcript?format=json&original=true`, this.#abort.signal);
        } catch (error) {
            if (!this.#abort.signal.aborted) toast(explain(error), { kind: "bad" });
        }
    }

    /** Resolves when everything is saved; fails after some seconds without a server. */
    async saved() {
        for (let tries = 0; tries < 50; tries += 1) {
            if (!this.editor || this.editor.isSaved) return;
            await new Promise((resume) => setTimeout(resume, 100));
        }
        throw new ApiError(0, "unreachable", "", "");
    }
}
