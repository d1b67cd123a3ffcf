// @ts-check
/** Models: present, being downloaded, and to be downloaded. */

import { attempt, cancelPull, catalog, pull, pullOf } from "../catalog.js";
import { html, useSignal } from "../dom.js";
import { bytes } from "../format.js";
import { lang, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { PullProgress } from "./options.js";

/** @typedef {import("../catalog.js").Model} Model */

/** @param {Model} model */
function languagesOf({ languages }) {
    if (!languages?.length) return "";
    if (languages.length > 3) return t("models.languages", { count: languages.length });
    const names = new Intl.DisplayNames([lang.value], { type: "language" });
    return languages.map((code) => names.of(code) ?? code).join(", ");
}

/** @param {{ model: Model }} props */
function Row({ model }) {
    const running = pullOf(model);
    const facts = [
        model.plugin ?? "",
        model.size ? bytes(model.size) : "",
        languagesOf(model),
        model.license ?? "",
    ].filter(Boolean);
    return html`<li class="row">
        <span class=${`badge badge-${model.present ? "good" : running ? "run" : "wait"}`} aria-hidden="true">
            <${Icon} name=${model.present ? "check" : running ? "download" : "box"} size=${18} />
        </span>
        <div class="grow">
            <p class="name">
                ${model.name}${model.present && html`<span class="visually-hidden">, ${t("models.present")}</span>`}
            </p>
            <p class="meta">${facts.map((fact) => html`<span>${fact}</span>`)}</p>
            ${running && html`<${PullProgress} model=${model} />`}
        </div>
        <div class="row-actions">
            ${running && html`<button type="button" onClick=${() => attempt(() => cancelPull(model))}>${t("ui.cancel")}</button>`}
            ${
                !running &&
                !model.present &&
                html`<button
                    type="button"
                    aria-label=${t("models.fetch.name", { name: model.name })}
                    onClick=${() => attempt(() => pull(model))}
                >
                    <${Icon} name="download" size=${18} /> ${t("models.fetch")}
                </button>`
            }
        </div>
    </li>`;
}

export function ModelsPanel() {
    const all = useSignal(false);
    const { models } = catalog.value;
    const here = models.filter((model) => model.present || pullOf(model));
    const others = models.filter((model) => !here.includes(model));
    return html`<section aria-labelledby="models-title">
        <h2 id="models-title">${t("models.title")}</h2>
        <ul class="rows card">
            ${here.map((model) => html`<${Row} key=${model.id} model=${model} />`)}
            ${all.value && others.map((model) => html`<${Row} key=${model.id} model=${model} />`)}
            ${
                others.length > 0 &&
                html`<li class="row row-more">
                    <button
                        type="button"
                        class="quiet"
                        aria-expanded=${all.value}
                        onClick=${() => (all.value = !all.value)}
                    >
                        ${all.value ? t("models.less") : t("models.more", { count: others.length })}
                    </button>
                </li>`
            }
        </ul>
    </section>`;
}
