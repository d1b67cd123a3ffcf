// @ts-check
/** The frame around the views: header, notices, and what has the focus after a change of view. */

import { html, signal, useEffect, useRef } from "./dom.js";
import { clock } from "./format.js";
import { Icon } from "./icons.js";
import { lang, t } from "./i18n.js";
import { online, session, titleOf, jobs } from "./store.js";
import { recording } from "./recorder.js";
import { route } from "./router.js";
import { useTransfers } from "./transfers.js";
import { Questions, Toasts } from "./ui.js";
import { Appearance } from "./views/appearance.js";
import { Home } from "./views/home.js";

/** The three places of the page. */
const PLACES = /** @type {const} */ ([
    ["home", "#/", "wave"],
    ["library", "#/library", "library"],
    ["system", "#/system", "gauge"],
]);

/** Views that are fetched when they are needed: the first load is what the start needs. */
const LATER = {
    job: async () => (await import("./views/transcript.js")).Transcript,
    key: async () => (await import("./views/key.js")).KeyPrompt,
    library: async () => (await import("./views/library.js")).Library,
    system: async () => (await import("./views/system.js")).System,
};
/** Those that are here. */
const views = signal(/** @type {Partial<Record<keyof typeof LATER, unknown>>} */ ({}));

/**
 * Fetches a view; one that cannot be fetched is tried again when it is next needed.
 * @param {keyof typeof LATER} name
 */
async function loadView(name) {
    if (views.peek()[name]) return;
    try {
        const view = await LATER[name]();
        if (!views.peek()[name]) views.value = { ...views.peek(), [name]: view };
    } catch {
        // The server is gone, which the page shows already.
    }
}

/**
 * Fetches the view that an address of the page leads to.
 * @param {string} address
 */
export function prepare(address) {
    const name = /^#\/(\w+)/.exec(address)?.[1] ?? "";
    if (name === "job" || name === "library" || name === "system") void loadView(name);
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
        ${view !== "home" && recording.value && html`<${Recorder} />`}
        <${Appearance} />
    </header>`;
}

/** The way back to a recording that runs. */
function Recorder() {
    const { seconds = 0, paused = false } = recording.value ?? {};
    return html`<a class="recording-chip" href="#/" title=${t("record.back")}>
        <span class=${paused ? "rec-dot" : "rec-dot rec-live"} aria-hidden="true"></span>
        <span class="visually-hidden">${t("record.back")}</span>
        <span class="numbers">${clock(seconds)}</span>
    </a>`;
}

function LostServer() {
    return html`<div class="lost-place" role="status" aria-live="polite">
        ${
            !online.value &&
            !session.value.needsKey &&
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
    const name = session.value.needsKey ? "key" : view;
    if (name === "home") return html`<${Home} />`;
    const found = views.value[name];
    if (!found) {
        // Without a server it waits for its return.
        if (online.value) void loadView(name);
        return null;
    }
    return name === "job" ? html`<${found} key=${id} id=${id} time=${time} />` : html`<${found} />`;
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
