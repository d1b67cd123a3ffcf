// @ts-check
/**
 * Text and corrections that are not yet saved, kept in the browser. Each window keeps its own; a window that opens a transcript takes over those
 * whose window is gone.
 */

/** @typedef {import("./types.js").Anchor} Anchor */
/**
 * @typedef {object} Batch
 * @property {import("./types.js").Operation[]} operations
 * @property {string} label
 * @property {number[]} undone Revisions that it undoes.
 * @property {boolean} attempted Whether the server may have it.
 * @property {number} since The revision that it follows.
 */
/** @typedef {{ batches: Batch[], typing: { anchor: Anchor, text: string } | null }} Draft */

const PREFIX = "cesar.draft.";
/** Time for other windows to answer, in milliseconds. */
const ANSWER_MS = 350;
/** Steps that are kept for a reload. */
const MAX_STEPS = 5000;

/** The drafts of one job in this window. */
export class Drafts {
    /** @param {string} job */
    constructor(job) {
        this.prefix = `${PREFIX}${job}.`;
        this.key = `${this.prefix}${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
        this.text = "";
        this.channel = new BroadcastChannel("cesar.drafts");
        this.channel.addEventListener("message", ({ data }) => {
            if (data?.asks === this.key) this.channel.postMessage({ alive: this.key });
        });
    }

    close() {
        this.channel.close();
    }

    /** @param {Draft} draft */
    keep(draft) {
        const text = draft.batches.length || draft.typing ? JSON.stringify(draft) : "";
        if (text === this.text) return;
        this.text = text;
        try {
            if (text) localStorage.setItem(this.key, text);
            else localStorage.removeItem(this.key);
        } catch {
            // Storage is full or forbidden.
        }
    }

    /** Keeps, for a reload of this window, what it can undo. @param {{ label: string, revisions: number[] }[]} steps */
    keepSteps(steps) {
        try {
            if (steps.length) sessionStorage.setItem(this.prefix, JSON.stringify(steps.slice(-MAX_STEPS)));
            else sessionStorage.removeItem(this.prefix);
        } catch {
            // Storage is full or forbidden.
        }
    }

    /** Undo steps of this window before it was loaded again. @returns {{ label: string, revisions: number[] }[]} */
    steps() {
        try {
            return JSON.parse(sessionStorage.getItem(this.prefix) ?? "[]");
        } catch {
            return [];
        }
    }

    /** The drafts of windows that are gone: their keys, for `take`. @returns {Promise<string[]>} */
    async orphans() {
        const keys = [];
        for (let index = 0; index < localStorage.length; index += 1) {
            const key = localStorage.key(index);
            if (key?.startsWith(this.prefix) && key !== this.key) keys.push(key);
        }
        if (!keys.length) return [];
        const alive = new Set();
        const listen = (/** @type {MessageEvent} */ { data }) => data?.alive && alive.add(data.alive);
        this.channel.addEventListener("message", listen);
        for (const asks of keys) this.channel.postMessage({ asks });
        await new Promise((resume) => setTimeout(resume, ANSWER_MS));
        this.channel.removeEventListener("message", listen);
        return keys.filter((key) => !alive.has(key));
    }

    /** Takes drafts over; only one window gets each. @param {string[]} keys @returns {Draft[]} */
    take(keys) {
        return keys.flatMap((key) => {
            const text = localStorage.getItem(key);
            localStorage.removeItem(key);
            try {
                return text ? [JSON.parse(text)] : [];
            } catch {
                return [];
            }
        });
    }
}
