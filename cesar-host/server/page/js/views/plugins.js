// @ts-check
/** Plugins with their state. */

import { sendJson } from "../api.js";
import { attempt, catalog, loadCatalog } from "../catalog.js";
import { html } from "../dom.js";
import { has, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { toast } from "../ui.js";

/** @param {{ plugin: import("../catalog.js").Plugin }} props */
function Row({ plugin }) {
    const good = plugin.state === "ready";
    const stage =
        plugin.stage && has(`plugins.stage.${plugin.stage}`) ? t(`plugins.stage.${plugin.stage}`) : plugin.stage;
    return html`<li class="row">
        <span class=${`badge badge-${good ? "good" : "warn"}`} aria-hidden="true"
            ><${Icon} name=${good ? "plug" : "warning"} size=${18}
        /></span>
        <div class="grow">
            <p class="name">
                ${plugin.id ?? t("plugins.unknown")} <span class="muted small numbers">${plugin.version}</span>
            </p>
            <p class="meta"><span>${stage}</span><span dir="auto">${(good ? null : plugin.reason) ?? plugin.description}</span></p>
        </div>
        ${!good && html`<span class="chip chip-warn">${t(`plugins.state.${plugin.state}`)}</span>`}
    </li>`;
}

export function PluginsPanel() {
    const rescan = () =>
        attempt(async () => {
            await sendJson("POST", "/plugins/rescan", {});
            await loadCatalog();
            toast(t("plugins.rescanned"), { kind: "good" });
        });
    return html`<section aria-labelledby="plugins-title">
        <div class="heading">
            <h2 id="plugins-title">${t("plugins.title")}</h2>
            <button type="button" class="quiet" onClick=${rescan}>
                <${Icon} name="retry" size=${18} /> ${t("plugins.rescan")}
            </button>
        </div>
        <ul class="rows card">
            ${catalog.value.plugins.map((plugin) => html`<${Row} key=${plugin.id} plugin=${plugin} />`)}
        </ul>
    </section>`;
}
