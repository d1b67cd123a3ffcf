// @ts-check
/** State of all views: jobs, the connection, the session, and what the browser remembers. */

import { effect, signal } from "./dom.js";

/**
 * @typedef {object} JobError
 * @property {string} code
 * @property {string} message
 * @property {string | null} [stage]
 */
/**
 * @typedef {object} Job A job as `GET /jobs` lists it.
 * @property {string} id
 * @property {"queued" | "downloading" | "processing" | "completed" | "partial" | "error" | "cancelled"} status
 * @property {string} label
 * @property {string | null} [title]
 * @property {string | null} [sha256]
 * @property {number | null} [size]
 * @property {number | null} [duration]
 * @property {Record<string, any>} request
 * @property {string} created_at
 * @property {string | null} [started_at]
 * @property {string | null} [finished_at]
 * @property {string | null} [retry_at]
 * @property {number} attempts
 * @property {boolean} cancel_requested
 * @property {number} progress
 * @property {string} progress_phase
 * @property {number} progress_phase_pct
 * @property {JobError | null} [error]
 * @property {boolean | null} [transcription_cached]
 * @property {boolean | null} [diarization_cached]
 * @property {Record<string, number>} timings
 * @property {Record<string, any> | null} [provenance]
 * @property {any} [result]
 */
/**
 * @typedef {object} Session
 * @property {boolean} needsKey
 * @property {boolean} keyRequired
 * @property {string} name
 * @property {string} version
 * @property {{ completed: number, failed: number }} retention How long ended jobs are kept, in seconds.
 */

/** The jobs of the server that the page knows, by id. @type {import("../vendor/signals-core.js").Signal<Map<string, Job>>} */
export const jobs = signal(new Map());

/** Whether all jobs have been listed since the page was opened. */
export const listed = signal(false);

/** Whether the server answers. */
export const online = signal(true);

/** The session with the server. @type {import("../vendor/signals-core.js").Signal<Session>} */
export const session = signal({ needsKey: false, keyRequired: false, name: "", version: "", retention: { completed: 0, failed: 0 } });

/** Progress of model downloads, by model. @type {import("../vendor/signals-core.js").Signal<Record<string, any>>} */
export const pulls = signal({});

/** States of a job in which it will change by itself. */
const ACTIVE = new Set(["queued", "downloading", "processing"]);

/**
 * Whether a job has not ended.
 * @param {Job} job
 */
export const isActive = (job) => ACTIVE.has(job.status);

/**
 * Whether a job has a transcript.
 * @param {Job} job
 */
export const hasTranscript = (job) => job.status === "completed" || job.status === "partial";

/** Control characters, and those that change the direction of what follows. */
const HIDDEN = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/**
 * A name with its hidden characters shown: a file may be called `cod\u202E3pm.exe`.
 * @param {string} name
 */
export const visible = (name) =>
    name.replace(HIDDEN, (letter) => `\\u${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`);

/**
 * The name of a job for its reader.
 * @param {Job} job
 */
export const titleOf = (job) => visible(job.title || job.label);

/**
 * Adds jobs, or replaces older views of them.
 * @param {Job[]} views
 */
export function putJobs(views) {
    const next = new Map(jobs.value);
    for (const { result: _, ...view } of views) next.set(view.id, view);
    jobs.value = next;
}

/**
 * Removes a job that the server no longer has.
 * @param {string} id
 */
export function dropJob(id) {
    if (!jobs.value.has(id)) return;
    const next = new Map(jobs.value);
    next.delete(id);
    jobs.value = next;
}

/**
 * Reads a value that the browser keeps.
 * @template T
 * @param {string} name
 * @param {T} fallback
 * @returns {T}
 */
export function recall(name, fallback) {
    try {
        const text = localStorage.getItem(`cesar.${name}`);
        return text === null ? fallback : JSON.parse(text);
    } catch {
        return fallback;
    }
}

/**
 * Keeps a value in the browser; `undefined` removes it.
 * @param {string} name
 * @param {unknown} value
 */
export function remember(name, value) {
    try {
        if (value === undefined) localStorage.removeItem(`cesar.${name}`);
        else localStorage.setItem(`cesar.${name}`, JSON.stringify(value));
    } catch {
        // Storage is full or forbidden: the page works without it.
    }
}

/**
 * @typedef {object} Settings What the reader has chosen, kept in this browser.
 * @property {string | null} language Language of the page; `null` follows the browser.
 * @property {"system" | "light" | "dark"} theme
 * @property {Record<string, any>} options The last options of a transcription.
 * @property {Record<string, any>} player Owned by the transcript view: speed, volume, switches.
 */

/** @type {import("../vendor/signals-core.js").Signal<Settings>} */
export const settings = signal({
    language: null,
    theme: "system",
    options: {},
    player: {},
    ...recall("settings", {}),
});

/**
 * Changes settings.
 * @param {Partial<Settings>} change
 */
export function setSettings(change) {
    settings.value = { ...settings.value, ...change };
}

effect(() => remember("settings", settings.value));
