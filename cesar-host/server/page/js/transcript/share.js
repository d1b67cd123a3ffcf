// @ts-check
/** A link to a page with the transcript, for readers without a key. */

import { explain, request, sendJson } from "../api.js";
import { html, useSignal } from "../dom.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { Dialog, toast } from "../ui.js";
import { copyText } from "./clipboard.js";

/** @typedef {import("./desk.js").Desk} Desk */

const DAY = 86_400;

/** @param {{ desk: Desk }} props */
export function ShareDialog({ desk }) {
    const days = useSignal(7);
    const link = useSignal("");
    const busy = useSignal(false);
    const make = async () => {
        busy.value = true;
        try {
            await desk.model.saved();
            const { url } = await sendJson("POST", `${desk.model.path}/shares`, { expires_in: days.value * DAY });
            link.value = new URL(url, location.origin).href;
        } catch (error) {
            toast(explain(error), { kind: "bad" });
        }
        busy.value = false;
    };
    const revoke = async () => {
        try {
            const token = new URL(link.value).pathname.split("/").pop() ?? "";
            await request("DELETE", `/shares/${token}`);
            link.value = "";
            toast(t("transcript.share_revoked"));
        } catch (error) {
            toast(explain(error), { kind: "bad" });
        }
    };
    return html`<${Dialog} title=${t("transcript.share")} onClose=${() => (desk.dialog.value = null)}>
        <p>${t("transcript.share_text")}</p>
        ${link.value
            ? html`<div class="share-link">
                      <input type="text" readonly value=${link.value} aria-label=${t("transcript.share_link")} onFocus=${(/** @type {Event} */ { currentTarget }) => /** @type {HTMLInputElement} */ (currentTarget).select()} />
                      <button type="button" class="primary" onClick=${() => void copyText(link.value)}><${Icon} name="copy" /> ${t("transcript.copy")}</button>
                  </div>
                  <p class="help">${t("transcript.share_until", { count: days.value })}</p>
                  <div><button type="button" onClick=${revoke}>${t("transcript.share_revoke")}</button></div>`
            : html`<div class="field">
                      <label for="share-days">${t("transcript.share_days")}</label>
                      <select id="share-days" onChange=${(/** @type {Event} */ { currentTarget }) => (days.value = Number(/** @type {HTMLSelectElement} */ (currentTarget).value))}>
                          ${[1, 7, 30, 365].map((count) => html`<option value=${count} selected=${count === days.value}>${t("transcript.days", { count })}</option>`)}
                      </select>
                  </div>
                  <div><button type="button" class="primary" disabled=${busy.value} onClick=${make}><${Icon} name="link" /> ${t("transcript.share_make")}</button></div>`}
    <//>`;
}
