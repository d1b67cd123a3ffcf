// @ts-check
/** All jobs by day, with search over the words of all transcripts. */

import { html, useEffect, useMemo, useSignal } from "../dom.js";
import { day } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { go, route } from "../router.js";
import { jobs, listed } from "../store.js";
import { JobRow } from "./job_row.js";
import { JobMenu } from "./job_menu.js";
import { SearchResults } from "./search.js";

/** Rows that are shown before more are asked for: a library of years stays fast. */
const STEP = 100;

/** @typedef {import("../store.js").Job} Job */

/**
 * Jobs by day, newest first.
 * @param {Job[]} list
 * @returns {[string, Job[]][]}
 */
function byDay(list) {
    /** @type {Map<string, Job[]>} */
    const days = new Map();
    for (const job of list) {
        const name = day(job.created_at);
        const found = days.get(name);
        if (found) found.push(job);
        else days.set(name, [job]);
    }
    return [...days];
}

/** @param {{ query: { value: string } }} props */
function SearchBox({ query }) {
    return html`<form role="search" class="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <${Icon} name="search" />
        <label class="visually-hidden" for="search">${t("library.search")}</label>
        <input
            id="search"
            type="search"
            dir="auto"
            autocomplete="off"
            maxlength="500"
            placeholder=${t("library.search")}
            aria-describedby="search-help"
            value=${query.value}
            onInput=${(/** @type {Event} */ event) => (query.value = /** @type {HTMLInputElement} */ (event.currentTarget).value)}
        />
        <p class="visually-hidden" id="search-help">${t("library.search.help")}</p>
    </form>`;
}

function Days() {
    const limit = useSignal(STEP);
    const all = useMemo(
        () => [...jobs.value.values()].sort((a, b) => b.created_at.localeCompare(a.created_at)),
        [jobs.value],
    );
    if (!all.length)
        return listed.value
            ? html`<p class="muted center empty">${t("library.empty")} <a href="#/">${t("library.start")}</a></p>`
            : null;
    return html`${byDay(all.slice(0, limit.value)).map(
        ([name, list]) =>
            html`<section key=${name} aria-label=${name}>
                <h2>${name}</h2>
                <ul class="rows card">
                    ${list.map((job) => html`<${JobRow} key=${job.id} job=${job}><${JobMenu} job=${job} /><//>`)}
                </ul>
            </section>`,
    )}
    ${all.length > limit.value && html`<p class="center"><button type="button" onClick=${() => (limit.value += STEP)}>${t("library.more")}</button></p>`}`;
}

export function Library() {
    const query = useSignal(route.value.query.get("q") ?? "");
    const asked = useSignal(query.value);
    useEffect(() => {
        const timer = setTimeout(() => {
            asked.value = query.value.trim();
            const hash = asked.value ? `#/library?q=${encodeURIComponent(asked.value)}` : "#/library";
            if (route.peek().view === "library" && location.hash !== hash) history.replaceState(null, "", hash);
        }, 200);
        return () => clearTimeout(timer);
    }, [query.value]);
    // The address changes from outside: back, forward, a link.
    const named = route.value.view === "library" ? (route.value.query.get("q") ?? "") : "";
    useEffect(() => {
        if (named !== asked.value) query.value = named;
    }, [named]);
    return html`<div class="column">
        <div class="heading heading-page"><h1>${t("nav.library")}</h1></div>
        <${SearchBox} query=${query} />
        ${asked.value ? html`<${SearchResults} query=${asked.value} onClear=${() => ((query.value = ""), go("#/library"))} />` : html`<${Days} />`}
    </div>`;
}
