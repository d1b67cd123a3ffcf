// @ts-check
/** The cache: what is kept, what it saved, and how to clear it. */

import { request } from "../api.js";
import { attempt } from "../catalog.js";
import { html } from "../dom.js";
import { bytes, duration, number, percent } from "../format.js";
import { has, t } from "../i18n.js";
import { confirm, toast } from "../ui.js";
import { Figure } from "./system.js";

/** @param {string} stage */
const nameOf = (stage) => (has(`cache.stage.${stage}`) ? t(`cache.stage.${stage}`) : stage);

/** @param {{ cache: any, onChange: () => void }} props */
export function CachePanel({ cache, onChange }) {
    const { hits, misses, ms_saved: saved } = cache.statistics;
    const share = cache.max_size ? Math.min(1, cache.bytes / cache.max_size) : 0;
    const clear = async (/** @type {string} */ stage) => {
        if (
            !(await confirm(t("cache.clear.sure", { stage: nameOf(stage) }), {
                title: t("cache.clear.title"),
                yes: t("cache.clear"),
            }))
        )
            return;
        await attempt(async () => {
            await request("DELETE", `/cache?stage=${encodeURIComponent(stage)}`);
            toast(t("cache.cleared", { stage: nameOf(stage) }), { kind: "good" });
            onChange();
        });
    };
    return html`<section class="card panel" aria-labelledby="cache-title">
        <div class="heading"><h2 id="cache-title">${t("cache.title")}</h2></div>
        <p class="muted">${t("cache.text")}</p>
        <dl class="figures">
            <${Figure} name=${t("cache.size")}
                >${bytes(cache.bytes)}${cache.max_size ? ` / ${bytes(cache.max_size)}` : ""}<//
            >
            <${Figure} name=${t("cache.entries")}>${number(cache.entries)}<//>
            <${Figure} name=${t("cache.hits")}>${hits + misses ? percent(hits / (hits + misses)) : "–"}<//>
            <${Figure} name=${t("cache.saved")}>${duration(saved / 1000)}<//>
        </dl>
        ${cache.max_size > 0 && html`<progress class="bar" value=${share} max="1" aria-label=${t("cache.size")}></progress>`}
        ${
            cache.stages.length > 0 &&
            html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t("cache.stage")}>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">${t("cache.stage")}</th>
                            <th scope="col" class="right">${t("cache.entries")}</th>
                            <th scope="col" class="right">${t("cache.size")}</th>
                            <th><span class="visually-hidden">${t("cache.clear")}</span></th>
                        </tr>
                    </thead>
                    <tbody>
                        ${cache.stages.map(
                            (/** @type {any} */ each) =>
                                html`<tr>
                                    <th scope="row">${nameOf(each.stage)}</th>
                                    <td class="right numbers">${number(each.entries)}</td>
                                    <td class="right numbers">${bytes(each.bytes)}</td>
                                    <td class="right">
                                        <button
                                            type="button"
                                            class="quiet"
                                            aria-label=${t("cache.clear.name", { stage: nameOf(each.stage) })}
                                            onClick=${() => clear(each.stage)}
                                        >
                                            ${t("cache.clear")}
                                        </button>
                                    </td>
                                </tr>`,
                        )}
                    </tbody>
                </table>
            </div>`
        }
    </section>`;
}
