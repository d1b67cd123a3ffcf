// @ts-check
/** Details of a job: its stages, what the cache has of each, and why not. */

import { explain, getJson } from "../api.js";
import { html, useEffect, useSignal } from "../dom.js";
import { bytes, duration, number } from "../format.js";
import { has, t } from "../i18n.js";
import { Prose } from "../prose.js";
import { titleOf } from "../store.js";
import { Dialog } from "../ui.js";

/**
 * @typedef {object} CachedStage
 * @property {string} stage
 * @property {string} plugin
 * @property {string} plugin_version
 * @property {"hit" | "miss" | "refresh" | "unknown" | "missing"} state
 * @property {string | null} [key]
 * @property {string | null} [why]
 * @property {number | null} [saved_ms]
 * @property {number | null} [bytes]
 */

/** @param {number} ms */
const time = (ms) => (ms < 1000 ? `${number(Math.round(ms))} ms` : duration(ms / 1000));

/** @param {string} stage */
const nameOf = (stage) => (has(`cache.stage.${stage}`) ? t(`cache.stage.${stage}`) : stage);

/** @param {{ stage: CachedStage }} props */
function Row({ stage }) {
    const facts = [
        `${stage.plugin} ${stage.plugin_version}`,
        stage.bytes ? bytes(stage.bytes) : "",
        stage.saved_ms ? t("details.saves", { time: time(stage.saved_ms) }) : "",
    ].filter(Boolean);
    return html`<li class="stage-row">
        <p class="name">
            ${nameOf(stage.stage)}
            <span class=${stage.state === "hit" ? "chip" : "chip chip-warn"}>${t(`details.state.${stage.state}`)}</span>
        </p>
        <p class="meta">${facts.map((fact) => html`<span class="numbers">${fact}</span>`)}</p>
        ${stage.why && html`<p class="small" dir="auto"><${Prose} text=${stage.why} /></p>`}
        ${stage.key && html`<p class="help"><code dir="ltr">${stage.key.slice(0, 16)}…</code></p>`}
    </li>`;
}

/** @param {{ job: import("../store.js").Job, onClose: () => void }} props */
export function JobDetails({ job, onClose }) {
    const stages = useSignal(/** @type {CachedStage[] | null} */ (null));
    const failure = useSignal("");
    useEffect(() => {
        const abort = new AbortController();
        getJson(`/jobs/${encodeURIComponent(job.id)}/cache`, abort.signal).then(
            (answer) => (stages.value = answer.stages),
            (error) => !abort.signal.aborted && (failure.value = explain(error)),
        );
        return () => abort.abort();
    }, [job.id]);
    const timings = Object.entries(job.timings);
    return html`<${Dialog} title=${titleOf(job)} onClose=${onClose} wide>
        <p class="muted">${t("details.text")}</p>
        ${failure.value && html`<p class="bad" role="alert"><${Prose} text=${failure.value} /></p>`}
        <div aria-live="polite">
            ${
                stages.value &&
                html`<ul class="stages">
                    ${stages.value.map((stage) => html`<${Row} stage=${stage} />`)}
                </ul>`
            }
        </div>
        ${
            timings.length > 0 &&
            html`<h3>${t("details.times")}</h3>
                <dl class="figures">
                    ${timings.map(
                        ([stage, ms]) =>
                            html`<div class="figure">
                                <dt>${nameOf(stage)}</dt>
                                <dd class="numbers">${time(ms)}</dd>
                            </div>`,
                    )}
                </dl>`
        }
    <//>`;
}
