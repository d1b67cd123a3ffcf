// @ts-check
/** Taking the transcript home: formats, their options and presets, the clipboard, the recording. */

import { explain, getJson, request } from "../api.js";
import { html, useEffect, useSignal } from "../dom.js";
import { Icon } from "../icons.js";
import { has, t } from "../i18n.js";
import { settings, titleOf } from "../store.js";
import { Dialog, toast } from "../ui.js";
import { copyText } from "./clipboard.js";
import { exportAddress, fileNameOf, optionsFor, PRESET } from "./export_options.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("../catalog.js").OptionSpec} OptionSpec */

/** Groups of formats by what they are for; formats that are not named here come last. */
const GROUPS = /** @type {const} */ ([
    ["read", ["docx", "txt", "md", "html"]],
    ["subtitles", ["srt", "vtt", "ass", "lrc", "ttml", "imsc"]],
    ["edit", ["otr", "eaf", "audacity", "markers", "edl"]],
    ["data", ["json", "csv", "tsv", "rttm"]],
]);
/** Formats that are no text. */
const BINARY = new Set(["docx"]);

/** @param {{ name: string, spec: OptionSpec, value: any, set: (value: any) => void }} props */
function OptionField({ name, spec, value, set }) {
    const id = `export-${name}`;
    const usual = spec.default === null || spec.default === undefined ? t("transcript.automatic") : String(spec.default);
    const read = (/** @type {Event} */ { currentTarget }) => /** @type {HTMLInputElement} */ (currentTarget).value.trim();
    if (spec.type === "boolean") {
        return html`<label class="check">
            <input type="checkbox" checked=${value ?? spec.default ?? false} onChange=${(/** @type {Event} */ { currentTarget }) => set(/** @type {HTMLInputElement} */ (currentTarget).checked || undefined)} />
            <span><b>${name}</b> <span class="help">${spec.doc}</span></span>
        </label>`;
    }
    const isNumber = spec.type === "integer" || spec.type === "number";
    return html`<div class="field">
        <label for=${id}>${name}</label>
        ${spec.enum
            ? html`<select id=${id} aria-describedby="${id}-help" onChange=${(/** @type {Event} */ event) => set(read(event) || undefined)}>
                  <option value="">${usual}</option>
                  ${spec.enum.map((each) => html`<option value=${each} selected=${each === value}>${each}</option>`)}
              </select>`
            : html`<input
                  id=${id}
                  type=${isNumber ? "number" : "text"}
                  step=${spec.type === "integer" ? 1 : "any"}
                  min=${spec.minimum}
                  max=${spec.maximum}
                  placeholder=${usual}
                  value=${value ?? ""}
                  aria-describedby="${id}-help"
                  onChange=${(/** @type {Event} */ event) => set(read(event) || undefined)}
              />`}
        <p class="help" id="${id}-help">${spec.doc}</p>
    </div>`;
}

/** @param {{ desk: Desk }} props */
export function ExportDialog({ desk }) {
    const { model } = desk;
    const kept = settings.value.player;
    const table = useSignal(/** @type {{ formats: string[], options: Record<string, OptionSpec> } | null} */ (null));
    const format = useSignal(/** @type {string} */ (kept.format ?? "docx"));
    const values = useSignal(/** @type {Record<string, any>} */ (kept.exportOptions ?? {}));
    const busy = useSignal(false);
    useEffect(() => {
        getJson("/plugins")
            .then(({ formats, plugins }) => {
                const plugin = plugins.find((/** @type {any} */ each) => each.stage === "format" && each.state === "ready");
                table.value = { formats, options: plugin?.options ?? {} };
                if (!formats.includes(format.value)) format.value = formats[0];
            })
            .catch((error) => toast(explain(error), { kind: "bad" }));
    }, []);
    const all = table.value;
    const known = new Set(GROUPS.flatMap(([, names]) => /** @type {readonly string[]} */ (names)));
    const others = all?.formats.filter((name) => !known.has(name)) ?? [];
    const groups = all ? [...GROUPS.map(([name, names]) => /** @type {[string, string[]]} */ ([name, names.filter((each) => all.formats.includes(each))])), ["other", others]] : [];
    const fields = all ? optionsFor(all.options, all.formats, format.value) : [];
    const names = new Set(fields.map(([name]) => name));
    const chosen = Object.fromEntries(Object.entries(values.value).filter(([name]) => names.has(name)));
    const address = exportAddress(model.path, format.value, { ...chosen, ...(model.original.value ? { original: true } : {}) });
    /** @param {string} name @param {any} value */
    const set = (name, value) => {
        values.value = { ...values.value, [name]: value };
        desk.setting("exportOptions", values.value);
    };
    /** @param {(response: Response) => Promise<void>} use */
    const fetched = async (use) => {
        busy.value = true;
        desk.setting("format", format.value);
        try {
            // A change of a moment ago belongs to the file.
            await model.saved();
            await use(await request("GET", address));
        } catch (error) {
            toast(explain(error), { kind: "bad" });
        }
        busy.value = false;
    };
    const save = () =>
        fetched(async (response) => {
            const link = document.createElement("a");
            link.href = URL.createObjectURL(await response.blob());
            const job = model.job.peek();
            link.download = fileNameOf(response.headers.get("Content-Disposition"), `${job ? titleOf(job) : "transcript"}.${format.value}`);
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
        });
    const copy = () => fetched(async (response) => copyText(await response.text()));
    const preset = fields.find(([name]) => name === PRESET);
    const rest = fields.filter(([name]) => name !== PRESET);
    return html`<${Dialog} wide title=${t("transcript.export")} onClose=${() => (desk.dialog.value = null)}>
        ${groups
            .filter(([, list]) => list.length)
            .map(
                ([name, list]) => html`<fieldset class="formats">
                    <legend>${t(`transcript.formats_${name}`)}</legend>
                    ${/** @type {string[]} */ (list).map(
                        (each) => html`<label class="format" key=${each}>
                            <input type="radio" name="format" value=${each} checked=${each === format.value} onChange=${() => (format.value = each)} />
                            <span><b>${each}</b>${has(`transcript.format_${each}`) && html`<small>${t(`transcript.format_${each}`)}</small>`}</span>
                        </label>`,
                    )}
                </fieldset>`,
            )}
        ${preset && html`<${OptionField} key="preset" name=${PRESET} spec=${preset[1]} value=${values.value[PRESET]} set=${(/** @type {any} */ value) => set(PRESET, value)} />`}
        ${rest.length > 0 &&
        html`<details class="export-more">
            <summary>${t("transcript.format_options", { format: format.value })}</summary>
            <div class="export-options">
                ${rest.map(([name, spec]) => html`<${OptionField} key=${name} name=${name} spec=${spec} value=${values.value[name]} set=${(/** @type {any} */ value) => set(name, value)} />`)}
            </div>
        </details>`}
        <div class="export-go">
            <button type="button" class="primary" autofocus aria-disabled=${busy.value || !all} onClick=${() => all && !busy.value && save()}><${Icon} name="download" /> ${t("transcript.download", { format: format.value })}</button>
            ${!BINARY.has(format.value) && html`<button type="button" disabled=${busy.value || !all} onClick=${copy}><${Icon} name="copy" /> ${t("transcript.copy")}</button>`}
            <button type="button" onClick=${() => (desk.dialog.value = "share")}><${Icon} name="share" /> ${t("transcript.share")}</button>
            <a class="button" href=${`${model.path}/recording?download=true`} download><${Icon} name="wave" /> ${t("transcript.get_recording")}</a>
        </div>
    <//>`;
}
