// @ts-check
/** The frame around the views: header, notices, and what has the focus after a change of view. */

import { html, signal, useEffect, useRef } from "./dom.js";
import { Icon } from "./icons.js";
import { lang, t } from "./i18n.js";
import { online, session, titleOf, jobs } from "./store.js";
import { route } from "./router.js";
import { useTransfers } from "./transfers.js";
import { Questions, Toasts } from "./ui.js";
import { Appearance } from "./views/appearance.js";
import { Home } from "./views/home.js";
import { KeyPrompt } from "./views/key.js";
import { Library } from "./views/library.js";
import { System } from "./views/system.js";

/** The three places of the page. */
const PLACES = /** @type {const} */ ([
    ["home", "#/", "wave"],
    ["library", "#/library", "library"],
    ["system", "#/system", "gauge"],
]);

/** The transcript view, which is loaded when it is needed, or when nothing else is to be done. */
const transcript = signal(/** @type {typeof import("./views/transcript.js").Transcript | null} */ (null));

/** Loads the transcript view. */
export async function loadTranscript() {
    if (transcript.peek()) return;
    transcript.value = (await import("./views/transcript.js")).Transcript;
}

function Header() {
    const { view } = route.value;
    return html`<header class="top">
        <a class="wordmark" href="#/" aria-label=${t("nav.start")}>
            <img src="/page/icon.svg" width="28" height="28" alt="" />
            <span>Cesar</span>
        </a>
        <nav class="places" aria-label=${t("nav.places")}>
            ${PLACES.map(
                ([name, address, icon]) =>
                    html`<a
                        href=${address}
                        aria-current=${view === name || (view === "job" && name === "library") ? "page" : undefined}
                    >
                        <${Icon} name=${icon} />
                        <span>${t(`nav.${name}`)}</span>
                    </a>`,
            )}
        </nav>
        <${Appearance} />
    </header>`;
}

function LostServer() {
    return html`<div class="lost-place" role="status" aria-live="polite">
        ${
            !online.value &&
            html`<div class="lost">
                <span class="lost-dot" aria-hidden="true"></span>
                <span><strong>${t("lost.title")}</strong> ${t("lost.text")}</span>
            </div>`
        }
    </div>`;
}

function View() {
    const { view, id, query } = route.value;
    const time = query.has("t") ? Number(query.get("t")) : null;
    if (session.value.needsKey) return html`<${KeyPrompt} />`;
    if (view === "library") return html`<${Library} />`;
    if (view === "system") return html`<${System} />`;
    if (view === "job") {
        if (transcript.value) return html`<${transcript.value} key=${id} id=${id} time=${time} />`;
        void loadTranscript();
        return null;
    }
    return html`<${Home} />`;
}

/** The whole page. */
export function App() {
    const { view, id } = route.value;
    const main = useRef(/** @type {HTMLElement | null} */ (null));
    const first = useRef(true);
    useTransfers();
    useEffect(() => {
        if (!first.current) {
            main.current?.focus({ preventScroll: true });
            scrollTo(0, 0);
        }
        first.current = false;
    }, [view, id]);
    const job = view === "job" ? jobs.value.get(id) : undefined;
    const title = job ? titleOf(job) : t(`nav.${view}`);
    useEffect(() => {
        document.title = view === "home" ? "Cesar" : `${title} – Cesar`;
    }, [title, view, lang.value]);
    return html`<a
            class="skip"
            href="#main"
            onClick=${(/** @type {Event} */ event) => {
                event.preventDefault();
                main.current?.focus();
            }}
            >${t("nav.skip")}</a
        >
        <${Header} />
        <${LostServer} />
        <main id="main" ref=${main} tabindex="-1" class="view view-${view}"><${View} /></main>
        <${Toasts} />
        <${Questions} />`;
}
