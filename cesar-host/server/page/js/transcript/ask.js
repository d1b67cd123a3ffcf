// @ts-check
/** Asks for the name of a speaker. */

import { html, useEffect, useId, useRef } from "../dom.js";
import { t } from "../i18n.js";
import { keepTyped, typed } from "../typed.js";
import { Dialog } from "../ui.js";

/** @param {{ desk: import("./desk.js").Desk }} props */
export function AskName({ desk }) {
    const asked = desk.ask.value;
    const field = useRef(/** @type {HTMLInputElement | null} */ (null));
    const id = useId();
    useEffect(() => field.current?.select(), [asked]);
    if (!asked) return null;
    const kept = `name.${desk.model.id}.${asked.value}`;
    const close = () => {
        keepTyped(kept, "");
        desk.ask.value = null;
    };
    const done = (/** @type {Event} */ event) => {
        event.preventDefault();
        const name = field.current?.value.trim() ?? "";
        close();
        if (name) asked.done(name);
    };
    return html`<${Dialog}
        title=${asked.title}
        onClose=${close}
        actions=${html`<button type="button" onClick=${close}>${t("ui.cancel")}</button>
            <button type="submit" form=${id} class="primary">${t("transcript.done")}</button>`}
    >
        <form id=${id} class="field" onSubmit=${done}>
            <label for="${id}-name">${t("transcript.name")}</label>
            <input id="${id}-name" ref=${field} type="text" dir="auto" maxlength="100" required autofocus autocomplete="off" value=${typed(kept) || asked.value} onInput=${(/** @type {Event} */ { currentTarget }) => keepTyped(kept, /** @type {HTMLInputElement} */ (currentTarget).value)} list="${id}-names" />
            <datalist id="${id}-names">${asked.list.map((name) => html`<option value=${name}></option>`)}</datalist>
            ${asked.list.length > 0 && html`<p class="help">${t("transcript.same_name_merges")}</p>`}
        </form>
    <//>`;
}
