// @ts-check
/** One job: its name, how far it is, and what can be done with it. */

import { html, useEffect, useSignal } from "../dom.js";
import { forgetSamples, secondsLeft } from "../estimate.js";
import { bytes, clock, duration, percent, timeOfDay } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { cancelJob, failureOf, retryJob, retryText, savings, stageOf } from "../jobs.js";
import { Prose } from "../prose.js";
import { jobAddress } from "../router.js";
import { hasTranscript, isActive, titleOf } from "../store.js";

/** @typedef {import("../store.js").Job} Job */

/** Icon and colour of each state. @type {Record<Job["status"], [string, string]>} */
const BADGES = {
    queued: ["clock", "wait"],
    downloading: ["download", "run"],
    processing: ["wave", "run"],
    completed: ["check", "good"],
    partial: ["warning", "warn"],
    error: ["warning", "bad"],
    cancelled: ["close", "wait"],
};

/**
 * Length, size, model and language of a job.
 * @param {Job} job
 */
function factsOf(job) {
    const size = job.size ?? job.request.bytes;
    return [
        job.duration ? clock(job.duration) : "",
        size ? bytes(size) : "",
        job.request.model ?? job.provenance?.asr?.model ?? "",
        !isActive(job) ? timeOfDay(job.created_at) : "",
    ].filter(Boolean);
}

/** @param {{ job: Job }} props */
function Progress({ job }) {
    const tick = useSignal(0);
    useEffect(() => {
        const timer = setInterval(() => (tick.value += 1), 1000);
        return () => {
            clearInterval(timer);
            forgetSamples(job.id);
        };
    }, [job.id]);
    void tick.value;
    const waiting = job.status === "queued";
    const left = waiting ? null : secondsLeft(job.id, job.progress, job.progress_phase);
    return html`<p class="meta">
            <span class="stage">${stageOf(job)}</span>
            ${!waiting && html`<span class="numbers">${percent(job.progress / 100)}</span>`}
            ${left !== null && html`<span class="numbers">${t("row.left", { time: duration(left) })}</span>`}
            ${job.attempts > 1 && html`<span>${t("row.attempt", { number: job.attempts })}</span>`}
        </p>
        <progress
            class="bar"
            value=${waiting ? 0 : job.progress}
            max="100"
            aria-label=${t("row.progress", { name: titleOf(job) })}
        ></progress>`;
}

/** @param {{ job: Job }} props */
function Outcome({ job }) {
    const saved = savings(job);
    return html`<p class="meta">
            ${factsOf(job).map((fact) => html`<span class="numbers">${fact}</span>`)}
            ${job.attempts > 1 && html`<span>${t("row.attempt", { number: job.attempts })}</span>`}
            ${job.status === "cancelled" && html`<span>${t("row.cancelled")}</span>`}
            ${saved && html`<span class="saved"><${Icon} name="bolt" size=${14} /> ${saved}</span>`}
        </p>
        ${job.error && job.status !== "cancelled" && html`<p class=${job.status === "partial" ? "fault warn" : "fault bad"} dir="auto"><${Prose} text=${failureOf(job)} /></p>`}`;
}

/** @param {{ job: Job, children?: unknown }} props */
export function JobRow({ job, children }) {
    const [icon, colour] = BADGES[job.status];
    const title = titleOf(job);
    const opens = hasTranscript(job) || job.status === "processing";
    return html`<li class="row" data-job=${job.id} data-status=${job.status}>
        <span class=${`badge badge-${colour}`} aria-hidden="true"><${Icon} name=${icon} size=${18} /></span>
        <div class="grow">
            <p class="name" dir="auto">
                ${opens ? html`<a href=${jobAddress(job.id)}>${title}</a>` : title}
                <span class="visually-hidden">, ${t(`status.${job.status}`)}</span>
            </p>
            ${isActive(job) ? html`<${Progress} job=${job} />` : html`<${Outcome} job=${job} />`}
        </div>
        <div class="row-actions">
            ${
                isActive(job) &&
                html`<button
                    type="button"
                    class="quiet"
                    disabled=${job.cancel_requested}
                    aria-label=${t("row.cancel.name", { name: title })}
                    onClick=${() => cancelJob(job)}
                >
                    ${t("ui.cancel")}
                </button>`
            }
            ${
                ["error", "partial", "cancelled"].includes(job.status) &&
                html`<button type="button" onClick=${() => retryJob(job)}>
                    <${Icon} name="retry" size=${18} /> ${retryText(job)}
                </button>`
            }
            ${children}
        </div>
    </li>`;
}
