// @ts-check
/** Form fields, and those of a plugin's options, generated from its table. */

import { choices, chooseOption, misfits } from "../choices.js";
import { html, useEffect, useId, useSignal } from "../dom.js";
import { t } from "../i18n.js";
import { Prose } from "../prose.js";
import { Icon } from "../icons.js";

/** Options that have a field of their own elsewhere. */
const ELSEWHERE = new Set(["language", "task", "num_speakers", "min_speakers", "max_speakers", "word_timestamps"]);

/**
 * A labelled field; its content gets the ids of label and help.
 * @param {{ label: string, help?: string, children: ((id: string, help: string) => unknown) }} props
 */
export function Field({ label, help, children }) {
    const id = useId();
    return html`<div class="field">
        <label for=${id} dir="auto">${label}</label>
        ${children(id, `${id}-help`)}
        ${help && html`<p class="help" id=${`${id}-help`} dir="auto"><${Prose} text=${help} /></p>`}
    </div>`;
}

/**
 * A box to check.
 * @param {{ label: string, checked: boolean, onChange: (checked: boolean) => void }} props
 */
export function Check({ label, checked, onChange }) {
    return html`<label class="check">
        <input
            type="checkbox"
            checked=${checked}
            onChange=${(/** @type {Event} */ event) => onChange(/** @type {HTMLInputElement} */ (event.currentTarget).checked)}
        />
        <span>${label}</span>
    </label>`;
}

/**
 * A part that is folded until it is opened; what is in it exists only then.
 * @param {{ summary: unknown, children: () => unknown, inner?: boolean }} props
 */
export function Fold({ summary, children, inner = false }) {
    const open = useSignal(false);
    return html`<details
        class=${inner ? "fold fold-inner" : "fold"}
        onToggle=${(/** @type {Event} */ event) => (open.value = /** @type {HTMLDetailsElement} */ (event.currentTarget).open)}
    >
        <summary><${Icon} name="chevron" size=${18} /> ${summary}</summary>
        ${open.value && html`<div class="fold-body">${children()}</div>`}
    </details>`;
}

/** @param {any} value */
const shown = (value) =>
    Array.isArray(value) ? value.join(", ") : value === null || value === undefined ? "" : String(value);

/**
 * Meaning of a text for an option; `undefined` where it is the default, `null` where it is no value.
 * @param {import("../catalog.js").OptionSpec} spec
 * @param {string} text
 */
function parse(spec, text) {
    const trimmed = spec.type === "string" ? text : text.trim();
    if (trimmed === "" || trimmed === shown(spec.default)) return undefined;
    const number = (/** @type {string} */ part) => {
        const value = Number(part.trim());
        const fits =
            part.trim() !== "" &&
            Number.isFinite(value) &&
            (!spec.type.startsWith("integer") || Number.isInteger(value));
        return fits && value >= (spec.minimum ?? -Infinity) && value <= (spec.maximum ?? Infinity) ? value : NaN;
    };
    if (spec.type === "integer" || spec.type === "number")
        return Number.isNaN(number(trimmed)) ? null : number(trimmed);
    if (spec.type === "strings") return trimmed.split(",").map((part) => part.trim());
    if (spec.type === "integers" || spec.type === "numbers") {
        const values = trimmed.split(",").map(number);
        return values.some(Number.isNaN) ? null : values;
    }
    return trimmed;
}

/**
 * The limits of an option as a sentence.
 * @param {import("../catalog.js").OptionSpec} spec
 */
function limits({ minimum, maximum }) {
    if (minimum !== undefined && minimum !== null && maximum !== undefined && maximum !== null)
        return t("options.range", { minimum, maximum });
    if (minimum !== undefined && minimum !== null) return t("options.minimum", { minimum });
    return maximum !== undefined && maximum !== null ? t("options.maximum", { maximum }) : "";
}

/**
 * One option of a plugin.
 * @param {{ plugin: string, name: string, spec: import("../catalog.js").OptionSpec }} props
 */
function Option({ plugin, name, spec }) {
    const wrong = useSignal("");
    const misfit = useSignal(/** @type {string | null} */ (null));
    const key = `${plugin}.${name}`;
    useEffect(() => () => void misfits.delete(key), []);
    const value = choices.value.plugins[plugin]?.[name];
    const set = (/** @type {any} */ next) => chooseOption(plugin, name, next);
    const text = (/** @type {Event} */ event) => {
        const input = /** @type {HTMLInputElement} */ (event.currentTarget);
        const parsed = parse(spec, input.value);
        if (parsed === null) misfits.add(key);
        else misfits.delete(key);
        misfit.value = parsed === null ? input.value : null;
        wrong.value = parsed === null ? t("options.wrong", { limits: limits(spec) }) : "";
        if (parsed !== null) set(parsed);
    };
    const select =
        (/** @type {[string, string][]} */ entries, /** @type {(text: string) => any} */ read) =>
        (/** @type {string} */ id, /** @type {string} */ help) =>
            html`<select
                id=${id}
                aria-describedby=${help}
                onChange=${(/** @type {Event} */ event) => set(read(/** @type {HTMLSelectElement} */ (event.currentTarget).value))}
            >
                ${entries.map(([key, label]) => html`<option value=${key} selected=${key === (value === undefined ? "" : String(value))}>${label}</option>`)}
            </select>`;
    const usual =
        spec.default === null
            ? t("options.automatic")
            : t("options.usual", {
                  value: spec.type === "boolean" ? t(spec.default ? "ui.yes" : "ui.no") : shown(spec.default),
              });
    let control;
    if (spec.type === "boolean")
        control = select(
            [
                ["", usual],
                ["true", t("ui.yes")],
                ["false", t("ui.no")],
            ],
            (key) => (key === "" ? undefined : key === "true"),
        );
    else if (spec.enum)
        control = select(
            [
                ["", usual],
                ...spec.enum
                    .filter((each) => each !== spec.default)
                    .map((each) => /** @type {[string, string]} */ ([String(each), String(each)])),
            ],
            (key) => (key === "" ? undefined : key),
        );
    else
        control = (/** @type {string} */ id, /** @type {string} */ help) =>
            html`<input
                id=${id}
                type="text"
                dir="auto"
                data-option=${key}
                inputmode=${spec.type === "integer" ? "numeric" : spec.type === "number" ? "decimal" : "text"}
                value=${misfit.value ?? shown(value)}
                placeholder=${usual}
                aria-describedby=${help}
                aria-invalid=${wrong.value ? "true" : undefined}
                autocomplete="off"
                spellcheck=${false}
                onChange=${text}
            />`;
    return html`<div class=${value === undefined ? "option" : "option option-changed"}>
        <${Field} label=${name} help=${`${spec.doc} ${limits(spec)}`.trim()}>${control}<//>
        ${wrong.value && html`<p class="wrong" role="alert">${wrong.value}</p>`}
    </div>`;
}

/**
 * All options of a plugin that a request may set.
 * @param {{ plugin: import("../catalog.js").Plugin }} props
 */
export function PluginOptions({ plugin }) {
    const filter = useSignal("");
    const id = useId();
    const needle = filter.value.trim().toLowerCase();
    const entries = Object.entries(plugin.options).filter(
        ([name, spec]) =>
            spec.type !== "model" &&
            !ELSEWHERE.has(name) &&
            (!needle || `${name} ${spec.doc}`.toLowerCase().includes(needle)),
    );
    return html`<label class="visually-hidden" for=${id}>${t("options.find")}</label>
        <input
            id=${id}
            type="search"
            placeholder=${t("options.find")}
            value=${filter.value}
            onInput=${(/** @type {Event} */ event) => (filter.value = /** @type {HTMLInputElement} */ (event.currentTarget).value)}
        />
        <div class="option-grid">
            ${entries.map(([name, spec]) => html`<${Option} key=${name} plugin=${plugin.id} name=${name} spec=${spec} />`)}
        </div>
        ${entries.length === 0 && html`<p class="muted">${t("options.none")}</p>`}`;
}
