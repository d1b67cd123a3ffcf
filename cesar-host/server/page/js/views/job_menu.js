// @ts-check
/** Menu of a job of the library: rename it, remove it. */

import { html, useSignal } from "../dom.js";
import { bytes, dateTime } from "../format.js";
import { has, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { expiryOf, removeJob, renameJob } from "../jobs.js";
import { titleOf } from "../store.js";
import { keepTyped, typed } from "../typed.js";
import { Dialog, toast } from "../ui.js";
import { Check } from "./fields.js";
import { JobDetails } from "./job_details.js";

/** @typedef {import("../store.js").Job} Job */

/** @param {{ job: Job, onClose: () => void }} props */
function Rename({ job, onClose }) {
    const field = `title.${job.id}`;
    const title = useSignal(typed(field) || titleOf(job));
    const close = () => {
        keepTyped(field, "");
        onClose();
    };
    const save = async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (!title.value.trim() || (await renameJob(job, title.value.trim()))) close();
    };
    const form = `rename-${job.id}`;
    return html`<${Dialog}
        title=${t("rename.title")}
        onClose=${close}
        actions=${html`<button type="button" onClick=${close}>${t("ui.cancel")}</button>
            <button type="submit" form=${form} class="primary">${t("ui.save")}</button>`}
    >
        <form id=${form} class="field" onSubmit=${save}>
            <label for="title">${t("rename.label")}</label>
            <input
                id="title"
                type="text"
                dir="auto"
                maxlength="200"
                autofocus
                autocomplete="off"
                value=${title.value}
                onInput=${(/** @type {Event} */ event) => {
                    title.value = /** @type {HTMLInputElement} */ (event.currentTarget).value;
                    keepTyped(field, title.value);
                }}
            />
            ${titleOf(job) !== job.label && html`<p class="help" dir="auto">${t("rename.file", { name: job.label })}</p>`}
        </form>
    <//>`;
}

/** @param {{ job: Job, onClose: () => void }} props */
function Remove({ job, onClose }) {
    const corrections = useSignal(false);
    const busy = useSignal(false);
    const remove = async () => {
        busy.value = true;
        const removed = await removeJob(job, corrections.value);
        busy.value = false;
        if (!removed) return;
        onClose();
        const parts = removed.map(({ kind, bytes: size }) => {
            const name = has(`removed.${kind}`) ? t(`removed.${kind}`) : kind;
            return size ? `${name} (${bytes(size)})` : name;
        });
        toast(t("remove.done", { what: parts.join(", ") }));
    };
    return html`<${Dialog}
        title=${t("remove.title", { name: titleOf(job) })}
        onClose=${onClose}
        actions=${html`<button type="button" onClick=${onClose}>${t("ui.cancel")}</button>
            <button type="button" class="danger" disabled=${busy.value} onClick=${remove}>${t("remove.yes")}</button>`}
    >
        <p>${t("remove.text")}</p>
        <p class="muted">${t("remove.kept")}</p>
        <${Check}
            label=${t("remove.corrections")}
            checked=${corrections.value}
            onChange=${(/** @type {boolean} */ value) => (corrections.value = value)}
        />
    <//>`;
}

/** @param {{ job: Job }} props */
export function JobMenu({ job }) {
    const open = useSignal(/** @type {"" | "details" | "rename" | "remove"} */ (""));
    const close = () => (open.value = "");
    const [name, expires] = [titleOf(job), expiryOf(job)];
    return html`${expires && html`<span class="retention" title=${t("library.expires.title")}>${t("library.expires", { when: dateTime(expires) })}</span>`}
        <button
            type="button"
            class="quiet icon-only"
            aria-label=${t("details.name", { name })}
            title=${t("details.title")}
            onClick=${() => (open.value = "details")}
        >
            <${Icon} name="gauge" size=${18} />
        </button>
        <button
            type="button"
            class="quiet icon-only"
            aria-label=${t("rename.name", { name })}
            title=${t("rename.title")}
            onClick=${() => (open.value = "rename")}
        >
            <${Icon} name="edit" size=${18} />
        </button>
        <button
            type="button"
            class="quiet icon-only"
            aria-label=${t("remove.name", { name })}
            title=${t("remove.yes")}
            onClick=${() => (open.value = "remove")}
        >
            <${Icon} name="trash" size=${18} />
        </button>
        ${open.value === "details" && html`<${JobDetails} job=${job} onClose=${close} />`}
        ${open.value === "rename" && html`<${Rename} job=${job} onClose=${close} />`}
        ${open.value === "remove" && html`<${Remove} job=${job} onClose=${close} />`}`;
}
