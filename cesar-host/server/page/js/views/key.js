// @ts-check
/** The question for the server's key. */

import { ApiError, explain } from "../api.js";
import { html, useEffect, useRef, useSignal } from "../dom.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { giveKey } from "../session.js";

export function KeyPrompt() {
    const input = useRef(/** @type {HTMLInputElement | null} */ (null));
    const wrong = useSignal("");
    const busy = useSignal(false);
    useEffect(() => input.current?.focus(), []);
    const submit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        const key = input.current?.value.trim() ?? "";
        if (!key) return;
        busy.value = true;
        wrong.value = "";
        try {
            await giveKey(key);
        } catch (error) {
            wrong.value =
                error instanceof ApiError && [400, 401, 403].includes(error.status) ? t("key.wrong") : explain(error);
            input.current?.select();
        }
        busy.value = false;
    };
    return html`<form class="key card" onSubmit=${submit}>
        <div class="drop-mark" aria-hidden="true"><${Icon} name="key" size=${28} /></div>
        <h1>${t("key.title")}</h1>
        <p class="muted" id="key-help">${t("key.text")}</p>
        <label for="key">${t("key.label")}</label>
        <input
            id="key"
            ref=${input}
            type="password"
            dir="ltr"
            autocomplete="current-password"
            spellcheck=${false}
            required
            aria-describedby="key-help"
            aria-invalid=${wrong.value ? "true" : undefined}
        />
        ${wrong.value && html`<p class="wrong" role="alert">${wrong.value}</p>`}
        <button type="submit" class="primary large" disabled=${busy.value}>${t("key.go")}</button>
    </form>`;
}
