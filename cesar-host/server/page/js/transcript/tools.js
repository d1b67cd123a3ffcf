// @ts-check
/** The head of the transcript, and its toolbar. */

import { html, useLayoutEffect, useRef, useSignal } from "../dom.js";
import { dateTime, duration } from "../format.js";
import { Icon } from "../icons.js";
import { Prose } from "../prose.js";
import { t } from "../i18n.js";
import { cancelJob, failureOf, retryJob, retryText, stageOf } from "../jobs.js";
import { isActive, jobs, titleOf } from "../store.js";
import { JobMenu } from "../views/job_menu.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * A button of the bar; its text is hidden where there is no room.
 * @param {{ icon: string, text: string, keys?: string, run: () => void, disabled?: boolean, pressed?: boolean, className?: string }} props
 */
function Tool({ icon, text, keys, run, disabled = false, pressed, className = "" }) {
    return html`<button
        type="button"
        class=${`tool ${className}`}
        disabled=${disabled}
        aria-pressed=${pressed}
        aria-label=${text}
        title=${keys ? `${text} (${keys})` : text}
        onClick=${run}
    >
        <${Icon} name=${icon} /><span aria-hidden="true">${text}</span>
    </button>`;
}

/** @param {{ desk: Desk }} props */
function Saving({ desk }) {
    const state = desk.model.saving.value;
    const edited = desk.model.canUndo.value || desk.model.canRedo.value || state !== "saved";
    return html`<p class=${`saving saving-${state}`} role="status">
        ${edited && html`<span class="saving-dot" aria-hidden="true"></span>${t(`transcript.${state}`)}`}
        ${desk.model.obstacle.value && html`<span class="obstacle"><${Prose} text=${desk.model.obstacle.value} /></span>`}
    </p>`;
}

/** Offers the last correction as a rule of the glossary. @param {{ desk: Desk }} props */
function Fix({ desk }) {
    const fix = desk.model.lastFix.value;
    if (!fix) return null;
    return html`<button type="button" class="fix" title=${t("transcript.glossary_add", fix)} onClick=${() => void desk.addToGlossary()}>
        <${Icon} name="plus" size=${16} />
        <span class="fix-text"><bdi>${fix.wrong}</bdi> → <bdi>${fix.right}</bdi></span>
        <span class="fix-what">${t("transcript.to_glossary")}</span> <kbd>G</kbd>
    </button>`;
}

/** @param {{ desk: Desk }} props */
export function Tools({ desk }) {
    const { model } = desk;
    const ready = model.state.value === "ready";
    const original = model.original.value !== null;
    const editable = model.editable.value;
    return html`<div class="tools" role="toolbar" aria-label=${t("transcript.tools")}>
        <${Tool} icon="undo" className="tool-plain" text=${t("transcript.undo")} keys="Ctrl Z" disabled=${!editable || !model.canUndo.value} run=${() => model.reverse("undo")} />
        <${Tool} icon="redo" className="tool-plain" text=${t("transcript.redo")} keys="Ctrl Shift Z" disabled=${!editable || !model.canRedo.value} run=${() => model.reverse("redo")} />
        <span class="tools-line" aria-hidden="true"></span>
        <${Tool} icon="search" text=${t("transcript.find")} keys="Ctrl F" pressed=${desk.finding.value} run=${() => (desk.finding.value = !desk.finding.value)} />
        <${Tool} icon="underline" text=${t("transcript.uncertain")} keys="U" pressed=${desk.uncertain.value} run=${() => desk.setting("uncertain", !desk.uncertain.value)} />
        ${ready && html`<${Tool} icon="file" text=${t("transcript.original")} keys="O" pressed=${original} run=${() => void model.toggleOriginal()} />`}
        ${ready && html`<${Tool} icon="history" text=${t("transcript.history")} run=${() => (desk.dialog.value = "history")} />`}
        ${model.speakers.value.length > 0 && html`<${Tool} icon="users" className="tool-speakers" text=${t("transcript.speakers")} run=${() => (desk.dialog.value = "speakers")} />`}
        <span class="tools-gap"></span>
        <${Fix} desk=${desk} />
        <${Saving} desk=${desk} />
        ${ready && html`<${Tool} icon="download" className="tool-main" text=${t("transcript.export")} keys="X" run=${() => (desk.dialog.value = "export")} />`}
    </div>`;
}

/** Stage and progress of a running job. @param {{ job: import("../store.js").Job }} props */
function Running({ job }) {
    return html`<div class="running">
        <div class="running-line">
            <span>${stageOf(job)}</span>
            <button type="button" class="link" disabled=${job.cancel_requested} onClick=${() => void cancelJob(job)}>${t("ui.cancel")}</button>
        </div>
        <progress class="bar" max="100" value=${job.progress} aria-label=${t("row.progress", { name: titleOf(job) })}></progress>
    </div>`;
}

/** The reason for a missing or incomplete transcript. @param {{ job: import("../store.js").Job, partial?: { message: string, stage: string } }} props */
function Trouble({ job, partial }) {
    const busy = useSignal(false);
    if (isActive(job) || (job.status !== "error" && job.status !== "partial" && job.status !== "cancelled")) return null;
    const text = failureOf(job) || partial?.message || (job.status === "cancelled" ? t("row.cancelled") : "");
    return html`<div class=${`trouble${job.status === "error" ? " trouble-bad" : ""}`} role="note">
        <${Icon} name="warning" />
        <div class="grow">
            <p><strong>${t(`transcript.status_${job.status}`)}</strong></p>
            <p dir="auto">${text}</p>
        </div>
        <button
            type="button"
            disabled=${busy.value}
            onClick=${async () => {
                busy.value = true;
                await retryJob(job);
                busy.value = false;
            }}
        >
            <${Icon} name="retry" size=${18} /> ${retryText(job)}
        </button>
    </div>`;
}

/** @param {{ desk: Desk }} props */
export function Head({ desk }) {
    const { model } = desk;
    const job = jobs.value.get(model.id);
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    const height = useRef(0);
    useLayoutEffect(() => {
        if (!root.current || !job) return;
        // The text below does not move up when the job ends.
        if (isActive(job)) height.current = root.current.offsetHeight;
        else root.current.style.minHeight = `${height.current}px`;
    });
    if (!job) return null;
    const doc = model.shown.value;
    const speakers = model.speakers.value.length;
    const names = new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "language" });
    const language = doc.language ? names.of(doc.language) : null;
    const facts = [dateTime(job.created_at), doc.duration ? duration(doc.duration) : null, language, speakers ? t("transcript.speaker_count", { count: speakers }) : null, doc.provenance?.asr?.model];
    return html`<header class="head" ref=${root}>
        <a class="way-back" href="#/library"><${Icon} name="back" size=${18} /> ${t("nav.library")}</a>
        <div class="head-line">
            <h1 dir="auto">${titleOf(job)}</h1>
            <span class="head-menu"><${JobMenu} job=${job} /></span>
        </div>
        <p class="facts muted">${facts.filter(Boolean).map((fact) => html`<span><bdi>${fact}</bdi></span>`)}</p>
        ${isActive(job) && html`<${Running} job=${job} />`}
        <${Trouble} job=${job} partial=${doc.partial} />
        ${model.original.value &&
        html`<div class="trouble trouble-plain" role="note">
            <${Icon} name="file" />
            <p class="grow">${t("transcript.original_shown")}</p>
            <button type="button" onClick=${() => void model.toggleOriginal()}>${t("transcript.corrected")}</button>
        </div>`}
    </header>`;
}
