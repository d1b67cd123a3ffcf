// @ts-check
/** A recording on its way to the server. */

import { html, useRef } from "../dom.js";
import { bytes, clock, percent } from "../format.js";
import { t } from "../i18n.js";
import { Prose } from "../prose.js";
import { Icon } from "../icons.js";
import { secondsLeft } from "../estimate.js";
import { toast } from "../ui.js";
import { discard, resume, retry, submitPart } from "../uploads.js";

/** @param {{ transfer: import("../uploads.js").Transfer }} props */
export function TransferRow({ transfer }) {
    const { size, sent, state } = transfer;
    const input = useRef(/** @type {HTMLInputElement | null} */ (null));
    const share = size ? Math.min(1, sent / size) : 0;
    const left = state === "sending" && size ? secondsLeft(`upload ${transfer.id}`, share * 100, "upload") : null;
    const recorded = state === "absent" && !transfer.mark;
    const text =
        state === "failed"
            ? transfer.error
            : t(recorded ? "upload.recorded" : `upload.${state}`, { size: bytes(sent) });
    const choose = (/** @type {Event} */ event) => {
        const file = /** @type {HTMLInputElement} */ (event.currentTarget).files?.[0];
        if (file && !resume(transfer, file)) toast(t("upload.other", { name: transfer.name }), { kind: "bad" });
    };
    return html`<li class="row">
        <span
            class=${`badge badge-${state === "failed" ? "bad" : state === "lost" || state === "absent" ? "warn" : "run"}`}
            aria-hidden="true"
        >
            <${Icon} name=${state === "failed" ? "warning" : "upload"} size=${18} />
        </span>
        <div class="grow">
            <p class="name" dir="auto">${transfer.name}</p>
            <p class=${state === "failed" ? "meta bad" : "meta"}>
                <span><${Prose} text=${text} /></span>
                ${size !== null && state !== "absent" && html`<span class="numbers">${percent(share)} · ${bytes(sent)} / ${bytes(size)}</span>`}
                ${left !== null && html`<span class="numbers">${t("row.left", { time: clock(left) })}</span>`}
            </p>
            ${size !== null && html`<progress class="bar" value=${share} max="1" aria-label=${t("upload.progress", { name: transfer.name })}></progress>`}
        </div>
        <div class="row-actions">
            ${recorded && html`<button type="button" class="primary" onClick=${() => submitPart(transfer)}>${t("upload.usePart")}</button>`}
            ${
                state === "absent" &&
                !recorded &&
                html`<button type="button" class="primary" onClick=${() => input.current?.click()}>
                        ${t("upload.again")}
                    </button>
                    <input
                        ref=${input}
                        type="file"
                        class="visually-hidden"
                        tabindex="-1"
                        aria-hidden="true"
                        onChange=${choose}
                    />`
            }
            ${state === "failed" && html`<button type="button" onClick=${() => retry(transfer)}><${Icon} name="retry" size=${18} /> ${t("row.retry")}</button>`}
            <button
                type="button"
                class="quiet icon-only"
                aria-label=${t("upload.discard", { name: transfer.name })}
                title=${t("ui.cancel")}
                onClick=${() => discard(transfer)}
            >
                <${Icon} name="close" size=${18} />
            </button>
        </div>
    </li>`;
}
