// @ts-check
/**
 * The corrections of one window: applied at once, sent one batch after another, undone without limit.
 *
 * A batch waits in `queue` until the server has acknowledged it. When another window was faster, the transcript is loaded again and the
 * waiting batches are moved to it. This module knows neither the page nor the network: both are given to it.
 */

import { anchored, rebase, same } from "./anchors.js";
import { applyRun } from "./apply.js";

/** @typedef {import("./types.js").Doc} Doc */
/** @typedef {import("./types.js").Operation} Operation */
/**
 * @typedef {object} Entry A batch.
 * @property {number} key
 * @property {Operation[]} operations With anchors; none for an undo.
 * @property {Entry[]} undoes
 * @property {number} group Batches that are undone together.
 * @property {string} label What the change is, for the reader.
 * @property {number | null} revision Once it is acknowledged.
 * @property {boolean} attempted Whether the server may have it.
 * @property {Doc} before
 * @property {Doc} after
 * @property {boolean} reload Whether what the server made of it has to be loaded.
 */
/** @typedef {{ entries: Entry[], dropped: boolean }} Step What one undo takes back; `dropped` where the server never got it. */
/** @typedef {{ status: number, code?: string, problem?: Record<string, any> }} Failure */
/**
 * @typedef {object} Outside
 * @property {(operations: Operation[], revision: number) => Promise<number>} send Answers the new revision; fails with a `Failure`.
 * @property {() => Promise<{ doc: Doc, revision: number }>} load
 * @property {() => void} changed
 * @property {(event: { kind: "merged" | "lost" | "refused" | "gone", count?: number, lost?: Operation[], failure?: Failure }) => void} report
 * @property {() => Promise<void>} pause Waits before another attempt.
 */

/** A batch has at most this many operations. */
const MAX_OPERATIONS = 2000;
/** A batch undoes at most this many revisions. */
const MAX_UNDONE = 10;

export class Editor {
    /** @type {Entry[]} */
    queue = [];
    /** @type {Step[]} */
    undoSteps = [];
    /** @type {Step[]} */
    redoSteps = [];
    /** Whether a batch is on its way. */
    sending = false;
    /** Whether the last attempt failed and another one will follow. */
    waiting = false;
    /** Why, where the server has said it. @type {unknown} */
    obstacle = null;
    #lastKey = 0;
    #stopped = false;
    /** The newest revision that the server is said to have. */
    #newest = 0;

    /**
     * @param {Doc} doc
     * @param {number} revision
     * @param {Outside} outside
     */
    constructor(doc, revision, outside) {
        this.doc = doc;
        this.revision = revision;
        this.outside = outside;
    }

    stop() {
        this.#stopped = true;
    }

    get isSaved() {
        return this.queue.length === 0;
    }

    /**
     * Makes a change. Operations refer to the document as those before left it.
     * @param {Operation[]} operations
     * @param {string} label
     * @returns {boolean} whether there was something to change
     */
    change(operations, label) {
        if (!operations.length) return false;
        const group = (this.#lastKey += 1);
        /** @type {Entry[]} */
        const entries = [];
        for (let at = 0; at < operations.length; at += MAX_OPERATIONS) {
            const before = this.doc;
            const { doc, visited } = applyRun(before, operations.slice(at, at + MAX_OPERATIONS), anchored);
            entries.push(this.#entry({ operations: visited, group, label, before, after: doc }));
            this.doc = doc;
        }
        this.queue.push(...entries);
        this.undoSteps.push({ entries, dropped: false });
        this.redoSteps = [];
        this.#go();
        return true;
    }

    /** @param {Partial<Entry> & Pick<Entry, "before" | "after">} fields @returns {Entry} */
    #entry(fields) {
        const key = (this.#lastKey += 1);
        return { key, operations: [], undoes: [], group: key, label: "", revision: null, attempted: false, reload: false, ...fields };
    }

    /** Takes back the last change. @returns {string | null} what it was */
    undo() {
        return this.#reverse(this.undoSteps, this.redoSteps);
    }

    /** Makes the last change again that was undone. @returns {string | null} what it was */
    redo() {
        return this.#reverse(this.redoSteps, this.undoSteps);
    }

    /**
     * Takes back any revision, also of another window.
     * @param {number} revision
     * @param {string} label
     */
    undoRevision(revision, label) {
        const [before, after] = [this.doc, this.doc];
        const entry = this.#entry({ undoes: [this.#entry({ revision, before, after })], label, before, after, reload: true });
        this.queue.push(entry);
        this.undoSteps.push({ entries: [entry], dropped: false });
        this.redoSteps = [];
        this.#go();
    }

    /** @param {Step[]} from @param {Step[]} to */
    #reverse(from, to) {
        const step = from.pop();
        if (!step) return null;
        const { entries, dropped } = step;
        const { label } = entries[0];
        if (dropped) {
            for (const entry of entries) {
                entry.before = this.doc;
                const result = rebase(this.doc, entry.operations);
                [entry.operations, entry.after, this.doc] = [result.operations, result.doc, result.doc];
            }
            this.queue.push(...entries);
            to.push({ entries, dropped: false });
        } else if (entries.every((entry) => this.queue.includes(entry) && !entry.attempted && !entry.undoes.length)) {
            this.queue = this.queue.filter((entry) => !entries.includes(entry));
            const [first, last] = [entries[0], entries[entries.length - 1]];
            if (this.doc === last.after) this.doc = first.before;
            to.push({ entries, dropped: true });
        } else {
            /** @type {Entry[]} */
            const made = [];
            const all = [...entries].reverse();
            for (let at = 0; at < all.length; at += MAX_UNDONE) {
                const undoes = all.slice(at, at + MAX_UNDONE);
                const [before, after] = [this.doc, undoes[undoes.length - 1].before];
                const known = this.doc === undoes[0].after;
                const group = made[0]?.group ?? this.#lastKey + 1;
                made.push(this.#entry({ undoes, group, label, before, after: known ? after : before, reload: !known }));
                if (known) this.doc = after;
            }
            this.queue.push(...made);
            to.push({ entries: made, dropped: false });
        }
        this.#go();
        return label;
    }

    #go() {
        this.outside.changed();
        void this.flush();
    }

    /**
     * The server may have other corrections: loads them once nothing waits, so that no batch is on its way meanwhile.
     * @param {number} [revision] The one that the server is said to have.
     */
    async refresh(revision = Infinity) {
        if (revision <= this.revision) return;
        this.#newest = Math.max(this.#newest, revision);
        await this.flush();
    }

    /** @param {number} others The number of revisions of other windows to report. */
    async #reload(others) {
        const { doc, revision } = await this.outside.load();
        if (this.#stopped) return;
        const isNew = revision !== this.revision;
        this.#adopt(doc, revision);
        if (others) this.outside.report({ kind: "merged", count: others });
        if (isNew || others) this.outside.changed();
    }

    /** @param {Doc} doc @param {number} revision */
    #adopt(doc, revision) {
        [this.doc, this.revision] = [doc, revision];
        /** @type {Operation[]} */
        const lost = [];
        this.queue = this.queue.filter((entry) => {
            entry.before = this.doc;
            if (entry.undoes.length) {
                [entry.after, entry.reload] = [this.doc, true];
                return true;
            }
            const result = rebase(this.doc, entry.operations);
            lost.push(...result.lost);
            [entry.operations, entry.after, this.doc] = [result.operations, result.doc, result.doc];
            return result.operations.length > 0;
        });
        if (lost.length) this.outside.report({ kind: "lost", lost });
    }

    /**
     * Takes over batches that an earlier window did not get to the server.
     * @param {import("./drafts.js").Batch[]} drafts
     * @param {{ revision: number, operations: Operation[] }[]} [revisions] Those of the server: an attempted batch among them had only
     * lost its answer.
     */
    adopt(drafts, revisions = []) {
        drafts = drafts.filter(({ attempted, operations, since }) => {
            const later = revisions.filter(({ revision }) => revision > since);
            return !(attempted && later.some((stored) => same(operations, stored.operations)));
        });
        if (!drafts.length) return;
        for (const { operations, label, undone, attempted } of drafts) {
            const [before, undoes] = [this.doc, undone.map((revision) => this.#entry({ revision, before: this.doc, after: this.doc }))];
            const entry = this.#entry({ operations, label, undoes, before, after: before, reload: true, attempted: Boolean(attempted) });
            this.queue.push(entry);
            if (!undoes.length) this.undoSteps.push({ entries: [entry], dropped: false });
        }
        this.#adopt(this.doc, this.revision);
        this.#go();
    }

    /** The stored changes that `undo` takes back, the last one last, as `restore` takes them. @returns {{ label: string, revisions: number[] }[]} */
    steps() {
        return this.undoSteps.flatMap(({ entries, dropped }) => {
            const revisions = entries.flatMap(({ revision }) => (revision === null ? [] : [revision]));
            return dropped || revisions.length < entries.length ? [] : [{ label: entries[0].label, revisions }];
        });
    }

    /** Takes over what an earlier load of this window could undo. @param {{ label: string, revisions: number[] }[]} steps */
    restore(steps) {
        // Not the document that is shown: its state after an undo has to be loaded.
        const unknown = { ...this.doc };
        this.undoSteps = steps.map(({ label, revisions }) => ({
            entries: revisions.map((revision) => this.#entry({ revision, label, before: unknown, after: unknown })),
            dropped: false,
        }));
        this.outside.changed();
    }

    /** The batches that are not saved, as `adopt` takes them. */
    drafts() {
        return this.queue.map(({ operations, label, undoes, attempted }) => ({
            operations,
            label,
            attempted,
            since: this.revision,
            undone: undoes.flatMap((entry) => (entry.revision === null ? [] : [entry.revision])),
        }));
    }

    /** Sends what waits, in order. */
    async flush() {
        if (this.sending || this.#stopped) return;
        this.sending = true;
        try {
            while (!this.#stopped && (this.queue.length || this.#newest > this.revision)) {
                if (this.queue.length) await this.#sendFirst();
                else {
                    this.#newest = 0;
                    await this.#reload(0).catch(() => {});
                }
            }
        } finally {
            this.sending = false;
            this.outside.changed();
        }
    }

    async #sendFirst() {
        const entry = this.queue[0];
        const operations = entry.undoes.length
            ? entry.undoes.map(({ revision }) => /** @type {Operation} */ ({ op: "undo", revision: revision ?? 0 }))
            : entry.operations.map(({ anchors: _, ...operation }) => operation);
        const wasAttempted = entry.attempted;
        entry.attempted = true;
        this.outside.changed();
        try {
            const revision = await this.outside.send(operations, this.revision);
            [this.waiting, this.obstacle] = [false, null];
            await this.#accepted(entry, revision);
        } catch (error) {
            await this.#failed(entry, operations, wasAttempted, /** @type {Failure} */ (error));
        }
    }

    /** @param {Entry} entry @param {number} revision */
    async #accepted(entry, revision) {
        [entry.revision, this.revision] = [revision, revision];
        this.queue = this.queue.filter((other) => other !== entry);
        if (entry.reload) await this.#reload(0);
        this.outside.changed();
    }

    /** @param {Entry} entry @param {Operation[]} operations @param {boolean} wasAttempted @param {Failure} failure */
    async #failed(entry, operations, wasAttempted, failure) {
        const { status, problem = {} } = failure;
        if (typeof status !== "number") throw failure;
        if (status === 409 && Array.isArray(problem.changes)) {
            const [first, ...others] = problem.changes;
            if (wasAttempted && first && same(operations, first.operations)) {
                // The answer to an earlier attempt was lost: the server has the batch.
                [entry.revision, this.revision] = [first.revision, first.revision];
                this.queue = this.queue.filter((other) => other !== entry);
                if (others.length) await this.#reload(others.length);
                else if (entry.reload) await this.#reload(0);
                return;
            }
            entry.attempted = false;
            await this.#reload(problem.changes.length);
            return;
        }
        // A 409 without changes: the transcript is being made again.
        const again = status === 0 || status === 409 || status === 401 || status === 408 || status === 429 || status >= 500;
        if (again) {
            // Only a request without an answer may have been stored.
            if (status === 401 || status === 409 || status === 429) entry.attempted = wasAttempted;
            [this.waiting, this.obstacle] = [true, status === 0 || status === 409 ? null : failure];
            this.outside.changed();
            await this.outside.pause();
            return;
        }
        this.queue = this.queue.filter((other) => other !== entry);
        this.undoSteps = this.undoSteps.filter((step) => !step.entries.includes(entry));
        this.redoSteps = this.redoSteps.filter((step) => !step.entries.includes(entry));
        this.outside.report({ kind: status === 404 || status === 410 ? "gone" : "refused", failure, lost: entry.operations });
        await this.#reload(0).catch(() => {});
    }
}
