// @ts-check
/** Links to a page with the transcript, for readers without a key. */

import { explain, getJson, request, sendJson } from "../api.js";
import { html, useEffect, useSignal } from "../dom.js";
import { dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { expiryOf } from "../jobs.js";
import { t } from "../i18n.js";
import { Dialog, toast } from "../ui.js";
import { copyText } from "./clipboard.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {{ id: string, author: string, created_at: string, expires_at: string }} Share */

const DAY = 86_400;

/** @param {{ desk: Desk }} props */
export function ShareDialog({ desk }) {
    const { path } = desk.model;
    const days = useSignal(7);
    const made = useSignal(/** @type {{ id: string, address: string } | null} */ (null));
    const shares = useSignal(/** @type {Share[]} */ ([]));
    const busy = useSignal(false);
    const job = desk.model.job.value;
    const ends = job && expiryOf(job);
    const left = ends ? (Date.parse(ends) - Date.now()) / 1000 / DAY : Infinity;
    const choices = [1, 7, 30, 90].filter((count, index) => index === 0 || count <= left);
    const list = async () => {
        shares.value = (await getJson(`${path}/shares`)).shares;
    };
    /** @param {() => Promise<void>} work */
    const doing = async (work) => {
        busy.value = true;
        try {
            await work();
            await list();
        } catch (error) {
            toast(explain(error), { kind: "bad" });
        }
        busy.value = false;
    };
    useEffect(() => void doing(async () => {}), []);
    const make = () =>
        doing(async () => {
            await desk.model.saved();
            const { id, url } = await sendJson("POST", `${path}/shares`, { expires_in: Math.min(days.value, choices[choices.length - 1]) * DAY });
            made.value = { id, address: new URL(url, location.origin).href };
        });
    /** @param {string} id */
    const revoke = (id) =>
        doing(async () => {
            await request("DELETE", `/shares/${encodeURIComponent(id)}`);
            if (made.value?.id === id) made.value = null;
            toast(t("transcript.share_revoked"));
        });
    return html`<${Dialog} title=${t("transcript.share")} onClose=${() => (desk.dialog.value = null)}>
        <p>${t("transcript.share_text")}</p>
        <div class="share-make">
            <div class="field">
                <label for="share-days">${t("transcript.share_days")}</label>
                <select id="share-days" onChange=${(/** @type {Event} */ { currentTarget }) => (days.value = Number(/** @type {HTMLSelectElement} */ (currentTarget).value))}>
                    ${choices.map((count) => html`<option value=${count} selected=${count === days.value}>${t("transcript.days", { count })}</option>`)}
                </select>
            </div>
            <button type="button" class="primary" disabled=${busy.value} onClick=${make}><${Icon} name="link" /> ${t("transcript.share_make")}</button>
        </div>
        ${ends && html`<p class="help">${t("library.expires", { when: dateTime(ends) })}</p>`}
        ${made.value &&
        html`<div class="share-link">
                <input
                    type="text"
                    readonly
                    dir="ltr"
                    value=${made.value.address}
                    aria-label=${t("transcript.share_link")}
                    onFocus=${(/** @type {Event} */ { currentTarget }) => /** @type {HTMLInputElement} */ (currentTarget).select()}
                />
                <button type="button" onClick=${() => made.value && void copyText(made.value.address)}><${Icon} name="copy" /> ${t("transcript.copy")}</button>
            </div>
            <p class="help">${t("transcript.share_once")}</p>`}
        ${shares.value.length > 0 &&
        html`<ul class="history">
            ${shares.value.map(
                (share) => html`<li key=${share.id}>
                    <p class="grow small">${t("transcript.share_of", { author: share.author, from: dateTime(share.created_at), until: dateTime(share.expires_at) })}</p>
                    <button type="button" disabled=${busy.value} onClick=${() => revoke(share.id)}>${t("transcript.share_revoke")}</button>
                </li>`,
            )}
        </ul>`}
    <//>`;
}
