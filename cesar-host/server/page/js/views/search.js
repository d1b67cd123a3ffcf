// @ts-check
/** Hits of a search: each with its times, and one click plays. */

import { ApiError, explain, getJson } from "../api.js";
import { html, useEffect, useSignal } from "../dom.js";
import { clock, day } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { jobAddress } from "../router.js";
import { jobs, titleOf } from "../store.js";

/**
 * @typedef {object} Passage
 * @property {number} start
 * @property {string | null} speaker
 * @property {string} text
 * @property {[number, number][]} highlights Ranges of code points.
 */
/**
 * @typedef {object} Hit
 * @property {string[]} jobs
 * @property {string} label
 * @property {string} created_at
 * @property {number} matches
 * @property {Passage[]} passages
 */

/**
 * Text with its matches marked.
 * @param {{ text: string, highlights: [number, number][] }} props
 */
function Marked({ text, highlights }) {
    const points = [...text];
    const parts = [];
    let at = 0;
    for (const [from, to] of highlights) {
        parts.push(points.slice(at, from).join(""), html`<mark>${points.slice(from, to).join("")}</mark>`);
        at = to;
    }
    parts.push(points.slice(at).join(""));
    return html`<span dir="auto">${parts}</span>`;
}

/** @param {{ hit: Hit }} props */
function HitCard({ hit }) {
    const id = hit.jobs[0];
    const job = jobs.value.get(id);
    const rest = hit.matches - hit.passages.length;
    return html`<li class="hit">
        <p class="name" dir="auto"><a href=${jobAddress(id)}>${job ? titleOf(job) : hit.label}</a></p>
        <p class="meta"><span>${day(hit.created_at)}</span></p>
        <ul class="passages">
            ${hit.passages.map(
                (passage) =>
                    html`<li>
                        <a class="passage" href=${jobAddress(id, passage.start)}>
                            <span class="time numbers"
                                ><span class="visually-hidden">${t("search.play")} </span
                                ><${Icon} name="play" size=${14} /> ${clock(passage.start)}</span
                            >
                            <span>
                                ${passage.speaker && html`<b dir="auto">${passage.speaker}: </b>`}
                                <${Marked} text=${passage.text} highlights=${passage.highlights} />
                            </span>
                        </a>
                    </li>`,
            )}
        </ul>
        ${rest > 0 && html`<p class="meta"><a href=${jobAddress(id)}>${t("search.rest", { count: rest })}</a></p>`}
    </li>`;
}

/** @param {{ query: string, onClear: () => void }} props */
export function SearchResults({ query, onClear }) {
    const hits = useSignal(/** @type {Hit[] | null} */ (null));
    const next = useSignal(/** @type {string | null} */ (null));
    const failure = useSignal("");
    const load = async (/** @type {string | null} */ cursor, /** @type {AbortSignal} */ signal) => {
        try {
            const page = await getJson(
                `/search?q=${encodeURIComponent(query)}&limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
                signal,
            );
            hits.value = cursor ? [...(hits.value ?? []), ...page.hits] : page.hits;
            next.value = page.next;
            failure.value = "";
        } catch (error) {
            if (signal.aborted) return;
            const off = error instanceof ApiError && error.status === 404;
            failure.value = off ? t("search.off") : explain(error);
            hits.value = [];
        }
    };
    useEffect(() => {
        const abort = new AbortController();
        void load(null, abort.signal);
        return () => abort.abort();
    }, [query]);
    const found = hits.value;
    return html`<section aria-labelledby="hits-title">
        <div class="heading">
            <h2 id="hits-title">
                <span role="status"
                    >${found === null ? t("search.running") : failure.value || t("search.found", { count: found.length })}${next.value ? "+" : ""}</span
                >
            </h2>
            <button type="button" class="link" onClick=${onClear}>${t("search.clear")}</button>
        </div>
        ${found?.length === 0 && !failure.value && html`<p class="muted empty">${t("search.nothing")}</p>`}
        ${
            found &&
            found.length > 0 &&
            html`<ul class="rows card">
                ${found.map((hit) => html`<${HitCard} key=${hit.jobs[0]} hit=${hit} />`)}
            </ul>`
        }
        ${
            next.value &&
            html`<p class="center">
                <button type="button" onClick=${() => load(next.value, new AbortController().signal)}>
                    ${t("library.more")}
                </button>
            </p>`
        }
    </section>`;
}
