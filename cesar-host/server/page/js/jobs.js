// @ts-check
/** Actions on jobs, and sentences about them. */

import { attempt } from "./catalog.js";
import { request, sendJson } from "./api.js";
import { duration } from "./format.js";
import { has, t } from "./i18n.js";
import { dropJob, jobs, putJobs, session } from "./store.js";

/** @typedef {import("./store.js").Job} Job */

/** @param {string} id */
const path = (id) => `/jobs/${encodeURIComponent(id)}`;

/**
 * Cancels a job.
 * @param {Job} job
 */
export const cancelJob = (job) =>
    attempt(async () => {
        await request("DELETE", path(job.id));
        const now = jobs.value.get(job.id);
        if (now) putJobs([{ ...now, cancel_requested: true }]);
    });

/**
 * Retries what failed of a job; results that exist are reused.
 * @param {Job} job
 */
export const retryJob = (job) => attempt(async () => putJobs([await sendJson("POST", `${path(job.id)}/retry`, {})]));

/**
 * Renames a job.
 * @param {Job} job
 * @param {string} title
 */
export const renameJob = (job, title) =>
    attempt(async () => putJobs([await sendJson("PATCH", path(job.id), { title })]));

/**
 * Removes a job; answers what was removed, or `null` after a failure.
 * @param {Job} job
 * @param {boolean} corrections Whether its corrections go, too.
 * @returns {Promise<{ kind: string, bytes: number }[] | null>}
 */
export async function removeJob(job, corrections) {
    /** @type {{ kind: string, bytes: number }[]} */
    let removed = [];
    const done = await attempt(async () => {
        const response = await request(
            "DELETE",
            `${path(job.id)}?remove=true${corrections ? "&corrections=true" : ""}`,
        );
        removed = (await response.json()).removed;
        dropJob(job.id);
    });
    return done ? removed : null;
}

/**
 * When the server removes a job; `null` while it has not ended.
 * @param {Job} job
 */
export function expiryOf(job) {
    const { completed, failed } = session.value.retention;
    const kept = job.status === "error" || job.status === "partial" ? failed : completed;
    return job.finished_at && kept ? new Date(Date.parse(job.finished_at) + kept * 1000).toISOString() : null;
}

/**
 * The stage that runs, in words.
 * @param {Job} job
 */
export function stageOf(job) {
    if (job.cancel_requested) return t("stage.cancelling");
    if (job.status === "queued" && job.retry_at) return t("stage.waiting");
    const key = `stage.${job.progress_phase}`;
    return has(key) ? t(key) : job.progress_phase;
}

/**
 * Milliseconds that the cache saved: the measured time of each stage that was a hit.
 * @param {Job} job
 */
function savedMs(job) {
    const { transcription_cached: asr, diarization_cached: diarize, timings } = job;
    return (asr ? (timings.asr ?? 0) : 0) + (diarize ? (timings.diarize ?? 0) : 0);
}

/**
 * Savings of the cache, as a sentence; empty where it saved nothing.
 * @param {Job} job
 */
export function savings(job) {
    const ms = savedMs(job);
    if (!job.transcription_cached && !job.diarization_cached) return "";
    if (ms < 1000) return t("row.cached");
    return t("row.saved", { time: duration(ms / 1000) });
}

/**
 * Why a job failed, as a sentence with the remedy.
 * @param {Job} job
 */
export function failureOf(job) {
    if (!job.error) return "";
    const key = `fault.${job.error.code}`;
    return has(key) ? t(key) : job.error.message;
}

/**
 * Effect of a retry of a job.
 * @param {Job} job
 */
export function retryText(job) {
    const stage = job.error?.stage;
    return stage && has(`row.retry.${stage}`) ? t(`row.retry.${stage}`) : t("row.retry");
}
