// @ts-check
/** Under the hood: health, cache, models and plugins. */

import { getJson } from "../api.js";
import { catalog, loadCatalog } from "../catalog.js";
import { html, useEffect, useSignal } from "../dom.js";
import { duration, number } from "../format.js";
import { t } from "../i18n.js";
import { online } from "../store.js";
import { CachePanel } from "./cache.js";
import { ModelsPanel } from "./models.js";
import { PluginsPanel } from "./plugins.js";

/** Interval of reading the figures while the view is shown, in ms. */
const INTERVAL = 5000;

/**
 * A figure with its name.
 * @param {{ name: string, children: unknown, state?: string }} props
 */
export function Figure({ name, children, state = "" }) {
    return html`<div class=${`figure ${state}`}>
        <dt>${name}</dt>
        <dd class="numbers">${children}</dd>
    </div>`;
}

/** @param {{ health: any }} props */
function HealthPanel({ health }) {
    const waiting = (health.queue.jobs.queued ?? 0) + (health.queue.jobs.downloading ?? 0);
    const tool = (/** @type {boolean} */ there) => (there ? t("system.there") : t("system.absent"));
    return html`<section class="card panel" aria-labelledby="health-title">
        <div class="heading">
            <h2 id="health-title">${t("system.health")}</h2>
            <span class=${health.status === "ok" ? "chip chip-good" : "chip chip-warn"}
                >${t(`system.${health.status}`)}</span
            >
        </div>
        <dl class="figures">
            <${Figure} name=${t("system.version")}>${health.version}<//>
            <${Figure} name=${t("system.uptime")}>${duration(health.uptime_s)}<//>
            <${Figure} name=${t("system.workers")}
                >${t("system.workers.of", { busy: health.workers.busy, count: health.workers.count })}<//
            >
            <${Figure} name=${t("system.queue")}
                >${t("system.queue.of", { count: number(waiting), limit: number(health.queue.limit) })}<//
            >
            <${Figure} name="ffmpeg">${tool(health.tools.ffmpeg)}<//>
            <${Figure} name="yt-dlp">${tool(health.tools.yt_dlp)}<//>
        </dl>
        ${!health.tools.ffmpeg && html`<p class="muted small">${t("system.ffmpeg.absent")}</p>`}
        ${!health.tools.yt_dlp && html`<p class="muted small">${t("system.yt_dlp.absent")}</p>`}
    </section>`;
}

export function System() {
    const health = useSignal(/** @type {any} */ (null));
    const cache = useSignal(/** @type {any} */ (null));
    const load = async () => {
        try {
            [health.value, cache.value] = await Promise.all([getJson("/health"), getJson("/cache").catch(() => null)]);
        } catch {
            // The notice of the lost server says it.
        }
    };
    useEffect(() => {
        void load();
        void loadCatalog().catch(() => {});
        const timer = setInterval(load, INTERVAL);
        return () => clearInterval(timer);
    }, [online.value]);
    return html`<div class="column">
        <div class="heading heading-page"><h1>${t("nav.system")}</h1></div>
        ${health.value && html`<${HealthPanel} health=${health.value} />`}
        ${catalog.value.models.length > 0 && html`<${ModelsPanel} />`}
        ${cache.value && html`<${CachePanel} cache=${cache.value} onChange=${load} />`}
        ${catalog.value.plugins.length > 0 && html`<${PluginsPanel} />`}
    </div>`;
}
