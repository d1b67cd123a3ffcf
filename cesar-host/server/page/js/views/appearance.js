// @ts-check
/** Language and colours of the page. */

import { html, useEffect, useRef, useSignal } from "../dom.js";
import { LANGUAGES, lang, preferred, setLanguage, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { forgetKey } from "../session.js";
import { attempt } from "../catalog.js";
import { session, setSettings, settings } from "../store.js";

/** @type {["system" | "light" | "dark", string][]} */
const THEMES = [
    ["system", "system"],
    ["light", "sun"],
    ["dark", "moon"],
];

function Panel() {
    const chosen = settings.value.language ?? "";
    const choose = (/** @type {Event} */ event) => {
        const language = /** @type {HTMLSelectElement} */ (event.currentTarget).value || null;
        setSettings({ language });
        void setLanguage(preferred(language));
    };
    return html`<div class="field">
            <label for="page-language">${t("appearance.language")}</label>
            <select id="page-language" onChange=${choose}>
                <option value="" selected=${chosen === ""}>${t("appearance.language.browser")}</option>
                ${Object.entries(LANGUAGES).map(([code, name]) => html`<option value=${code} lang=${code} selected=${chosen === code}>${name}</option>`)}
            </select>
        </div>
        <fieldset class="segments">
            <legend>${t("appearance.theme")}</legend>
            ${THEMES.map(
                ([theme, icon]) =>
                    html`<label>
                        <input
                            type="radio"
                            name="theme"
                            value=${theme}
                            checked=${settings.value.theme === theme}
                            onChange=${() => setSettings({ theme })}
                        />
                        <span><${Icon} name=${icon} size=${18} /> ${t(`appearance.theme.${theme}`)}</span>
                    </label>`,
            )}
        </fieldset>
        ${
            session.value.keyRequired &&
            !session.value.needsKey &&
            html`<button type="button" onClick=${() => attempt(forgetKey)}>
                <${Icon} name="key" size=${18} /> ${t("key.forget")}
            </button>`
        }`;
}

/** The button at the end of the header, and what it opens. */
export function Appearance() {
    const open = useSignal(false);
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
    useEffect(() => {
        if (!open.value) return;
        const away = (/** @type {Event} */ event) => {
            if (!place.current?.contains(/** @type {Node} */ (event.target))) open.value = false;
        };
        const key = (/** @type {KeyboardEvent} */ event) => {
            if (event.key !== "Escape") return;
            open.value = false;
            button.current?.focus();
        };
        addEventListener("pointerdown", away);
        addEventListener("focusin", away);
        addEventListener("keydown", key);
        return () => {
            removeEventListener("pointerdown", away);
            removeEventListener("focusin", away);
            removeEventListener("keydown", key);
        };
    }, [open.value]);
    return html`<div class="appearance" ref=${place}>
        <button
            ref=${button}
            type="button"
            class="quiet icon-only"
            aria-label=${t("appearance.title")}
            title=${t("appearance.title")}
            aria-expanded=${open.value}
            onClick=${() => (open.value = !open.value)}
        >
            <${Icon} name="globe" />
        </button>
        ${open.value && html`<div class="popover" key=${lang.value}><${Panel} /></div>`}
    </div>`;
}
