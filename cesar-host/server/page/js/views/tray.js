// @ts-check
/** The chosen recordings before they are sent: kind, size, and whether the server has a transcript of the same bytes. */

import { html } from "../dom.js";
import { formatOf } from "../files.js";
import { bytes, day, timeOfDay } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Prose } from "../prose.js";
import { jobAddress } from "../router.js";
import { isActive, visible } from "../store.js";
import { changeItem, dropItem, tray } from "../tray.js";

/** @param {{ item: import("../tray.js").Item }} props */
function Facts({ item }) {
    if (!item.file) return html`<span>${t("tray.address")}</span>`;
    const facts = [t(`tray.kind.${item.kind}`), formatOf(item.file), bytes(item.file.size)].filter(Boolean);
    return html`<span>${facts.join(" · ")}</span>
        ${item.file.size === 0 && html`<span class="bad">${t("tray.empty")}</span>`}
        ${item.kind === "other" && item.file.size > 0 && html`<span class="warn">${t("tray.other")}</span>`}
        ${item.checking && html`<span class="faint">${t("tray.checking")}</span>`}`;
}

/** @param {{ item: import("../tray.js").Item }} props */
function Row({ item }) {
    const { known } = item;
    const icon =
        item.kind === "address" ? "link" : item.kind === "video" ? "video" : item.kind === "audio" ? "wave" : "file";
    return html`<li class=${item.chosen ? "tray-row" : "tray-row tray-off"}>
        <label class="tray-check">
            <input
                type="checkbox"
                checked=${item.chosen}
                disabled=${item.file?.size === 0}
                onChange=${(/** @type {Event} */ event) => changeItem(item.id, { chosen: /** @type {HTMLInputElement} */ (event.currentTarget).checked })}
            />
            <span class="visually-hidden">${t("tray.send", { name: item.name })}</span>
        </label>
        <${Icon} name=${icon} />
        <div class="grow">
            <p class="name" dir="auto" title=${visible(item.name)}>${visible(item.name)}</p>
            <p class="meta"><${Facts} item=${item} /></p>
            ${item.error && html`<p class="wrong" role="alert"><${Prose} text=${item.error} /></p>`}
            ${
                known &&
                html`<p class="known">
                    <${Icon} name="check" size=${16} />
                    <span>
                        ${isActive(known) ? t("tray.running") : t("tray.known", { day: day(known.created_at), time: timeOfDay(known.created_at) })}
                        ${" "}<a href=${jobAddress(known.id)}>${t("tray.open")}</a>
                    </span>
                </p>`
            }
        </div>
        <button
            type="button"
            class="quiet icon-only"
            aria-label=${t("tray.remove", { name: item.name })}
            onClick=${() => dropItem(item.id)}
        >
            <${Icon} name="close" size=${18} />
        </button>
    </li>`;
}

export function Tray() {
    if (!tray.value.length) return null;
    return html`<ul class="tray" aria-label=${t("tray.title")}>
        ${tray.value.map((item) => html`<${Row} key=${item.id} item=${item} />`)}
    </ul>`;
}
