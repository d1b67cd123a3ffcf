// @ts-check
/** Options of a transcription: three in sight, the rest folded and generated from the plugins' tables. */

import { attempt, cancelPull, catalog, engines, pull, pullOf } from "../catalog.js";
import { asrPlugin, changedCount, chosenModel, choices, choose, diarizePlugin, resetChoices } from "../choices.js";
import { html, useId, useMemo } from "../dom.js";
import { bytes, percent } from "../format.js";
import { lang, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Check, Field, Fold, PluginOptions } from "./fields.js";

/** Numbers of speakers in the list. */
const COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12];

/** @type {string[]} */
const NONE = [];

/** Own names of languages that browsers have none for. */
const OWN_NAMES = new Map([["ba", "Башҡортса"], ["bo", "བོད་སྐད་"]]);

/** @param {Intl.DisplayNames} names @param {string} code */
function nameOf(names, code) {
    const name = names.of(code) ?? code;
    return name === code ? (OWN_NAMES.get(code) ?? code) : name;
}

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;

function ModelSelect() {
    const { models } = catalog.value;
    const missing = models.filter(
        (model) => !model.present && engines.value.asr.some((engine) => engine.id === model.plugin),
    );
    const value = chosenModel.value ? choices.value.model : "";
    // A language may have another one.
    const usual = choices.value.language ? "" : catalog.value.defaultModel;
    return html`<${Field} label=${t("options.model")}>
        ${(/** @type {string} */ id) =>
            html`<select
                id=${id}
                value=${value}
                onChange=${(/** @type {Event} */ event) => choose({ model: valueOf(event) })}
            >
                <option value="">${t("options.model.default")}${usual && ` (${usual})`}</option>
                ${engines.value.asr.map(
                    (engine) =>
                        html`<optgroup label=${engine.id}>
                            ${(engine.models ?? []).map((name) => html`<option value=${`${engine.id}/${name}`} selected=${value === `${engine.id}/${name}`}>${name}</option>`)}
                        </optgroup>`,
                )}
                ${
                    missing.length > 0 &&
                    html`<optgroup label=${t("options.model.missing")}>
                        ${missing.map(
                            (model) =>
                                html`<option
                                    value=${`${model.plugin}/${model.name}`}
                                    selected=${value === `${model.plugin}/${model.name}`}
                                >
                                    ${model.name}${model.size ? ` (${bytes(model.size)})` : ""}
                                </option>`,
                        )}
                    </optgroup>`
                }
            </select>`}
    <//>`;
}

function LanguageSelect() {
    const only = chosenModel.value?.known?.languages;
    const codes = (only?.length ? only : asrPlugin.value?.options.language?.enum) ?? NONE;
    const value = choices.value.language;
    const sorted = useMemo(() => {
        const names = new Intl.DisplayNames([lang.value], { type: "language" });
        const named = codes.map(
            (code) => /** @type {const} */ ([String(code), nameOf(names, String(code))]),
        );
        return named.sort((a, b) => a[1].localeCompare(b[1], lang.value));
    }, [codes, lang.value]);
    return html`<${Field} label=${t("options.language")}>
        ${(/** @type {string} */ id) =>
            html`<select
                id=${id}
                value=${value}
                onChange=${(/** @type {Event} */ event) => choose({ language: valueOf(event) })}
            >
                <option value="">${t("options.language.detect")}</option>
                ${sorted.map(([code, name]) => html`<option value=${code} selected=${code === value}>${name}</option>`)}
            </select>`}
    <//>`;
}

function SpeakerSelect() {
    const value = diarizePlugin.value || choices.value.speakers === "channels" ? choices.value.speakers : "off";
    const option = (/** @type {string} */ name, /** @type {string} */ text) =>
        html`<option value=${name} selected=${value === name}>${text}</option>`;
    const broken = diarizePlugin.value ? null : catalog.value.plugins.find((plugin) => plugin.stage === "diarize" && plugin.reason);
    return html`<${Field} label=${t("options.speakers")} help=${broken?.reason ?? undefined}>
        ${(/** @type {string} */ id) =>
            html`<select
                id=${id}
                value=${value}
                onChange=${(/** @type {Event} */ event) => choose({ speakers: valueOf(event) })}
            >
                ${diarizePlugin.value && option("auto", t("options.speakers.auto"))}
                ${option("off", t("options.speakers.off"))}
                ${diarizePlugin.value && COUNTS.map((count) => option(String(count), t("options.speakers.count", { count })))}
                ${option("channels", t("options.speakers.channels"))}
            </select>`}
    <//>`;
}

/** A model that is chosen but absent: its size, and a button that downloads it. */
function MissingModel() {
    const chosen = chosenModel.value;
    if (!chosen?.known || chosen.present) return null;
    const { known } = chosen;
    const running = pullOf(known);
    return html`<div class="notice">
        <${Icon} name="download" />
        <div class="grow">
            <p><strong>${t("models.absent", { name: known.name })}</strong></p>
            ${
                running
                    ? html`<${PullProgress} model=${known} />`
                    : html`<p class="muted">
                          ${t("models.absent.text", { size: known.size ? bytes(known.size) : "?" })}
                      </p>`
            }
        </div>
        ${
            running
                ? html`<button type="button" onClick=${() => attempt(() => cancelPull(known))}>
                      ${t("ui.cancel")}
                  </button>`
                : html`<button type="button" class="primary" onClick=${() => attempt(() => pull(known))}>
                      ${t("models.fetch")}
                  </button>`
        }
    </div>`;
}

/**
 * The progress of a download of a model.
 * @param {{ model: import("../catalog.js").Model }} props
 */
export function PullProgress({ model }) {
    const { done = 0, total = model.size } = pullOf(model) ?? {};
    const share = total ? Math.min(1, done / total) : 0;
    return html`<div class="pull">
        <progress
            class="bar"
            value=${share}
            max="1"
            aria-label=${t("models.fetching", { name: model.name })}
        ></progress>
        <span class="muted small numbers"
            >${total ? `${percent(share)}, ${bytes(done)} / ${bytes(total)}` : bytes(done)}</span
        >
    </div>`;
}

function General() {
    const now = choices.value;
    const track = useId();
    const text = (/** @type {"names" | "track"} */ name) => ({
        value: now[name],
        onChange: (/** @type {Event} */ event) => choose({ [name]: valueOf(event).trim() }),
    });
    return html`<div class="option-grid">
        <${Field} label=${t("options.task")}>
            ${(/** @type {string} */ id) =>
                html`<select
                    id=${id}
                    value=${now.task}
                    onChange=${(/** @type {Event} */ event) => choose({ task: valueOf(event) })}
                >
                    <option value="transcribe" selected=${now.task === "transcribe"}>
                        ${t("options.task.transcribe")}
                    </option>
                    <option value="translate" selected=${now.task === "translate"}>
                        ${t("options.task.translate")}
                    </option>
                </select>`}
        <//>
        <${Field} label=${t("options.names")} help=${t("options.names.help")}>
            ${(/** @type {string} */ id, /** @type {string} */ help) =>
                html`<input
                    id=${id}
                    type="text"
                    dir="auto"
                    aria-describedby=${help}
                    autocomplete="off"
                    ...${text("names")}
                />`}
        <//>
        ${
            catalog.value.glossaries.length > 0 &&
            html`<${Field} label=${t("options.glossary")}>
                ${(/** @type {string} */ id) =>
                    html`<select
                        id=${id}
                        value=${now.glossary}
                        onChange=${(/** @type {Event} */ event) => choose({ glossary: valueOf(event) })}
                    >
                        <option value="">${t("options.glossary.default")}</option>
                        <option value="none" selected=${now.glossary === "none"}>${t("options.glossary.none")}</option>
                        ${catalog.value.glossaries.map((name) => html`<option value=${name} selected=${now.glossary === name}>${name}</option>`)}
                    </select>`}
            <//>`
        }
        <${Field} label=${t("options.track")} help=${t("options.track.help")}>
            ${(/** @type {string} */ id, /** @type {string} */ help) =>
                html`<input
                        id=${id}
                        type="text"
                        list=${track}
                        aria-describedby=${help}
                        autocomplete="off"
                        ...${text("track")}
                    />
                    <datalist id=${track}>
                        <option value="all"></option>
                        <option value="1"></option>
                        <option value="2"></option>
                    </datalist>`}
        <//>
        <div class="checks">
            <${Check}
                label=${t("options.words")}
                checked=${now.words}
                onChange=${(/** @type {boolean} */ words) => choose({ words })}
            />
            <${Check}
                label=${t("options.strict")}
                checked=${now.strict}
                onChange=${(/** @type {boolean} */ strict) => choose({ strict })}
            />
            <${Check}
                label=${t("options.refresh")}
                checked=${now.refresh}
                onChange=${(/** @type {boolean} */ refresh) => choose({ refresh })}
            />
            <${Check}
                label=${t("options.noCache")}
                checked=${now.noCache}
                onChange=${(/** @type {boolean} */ noCache) => choose({ noCache })}
            />
        </div>
    </div>`;
}

/** All options. */
export function Options() {
    const count = changedCount.value;
    const [asr, diarize] = [asrPlugin.value, diarizePlugin.value];
    return html`<section class="options" aria-label=${t("options.title")}>
        <div class="options-main"><${ModelSelect} /><${LanguageSelect} /><${SpeakerSelect} /></div>
        <${MissingModel} />
        <${Fold}
            summary=${html`<span>${t("options.more")}</span> ${count > 0 && html`<span class="chip">${t("options.changed", { count })}</span>`}`}
        >
            ${() =>
                html`<${General} />
                    ${asr && html`<${Fold} inner summary=${html`<span>${t("options.of.asr", { plugin: asr.id })}</span>`}>${() => html`<${PluginOptions} plugin=${asr} />`}<//>`}
                    ${diarize && html`<${Fold} inner summary=${html`<span>${t("options.of.diarize", { plugin: diarize.id })}</span>`}>${() => html`<${PluginOptions} plugin=${diarize} />`}<//>`}
                    ${count > 0 && html`<button type="button" class="quiet" onClick=${resetChoices}>${t("options.reset")}</button>`}`}
        <//>
    </section>`;
}
