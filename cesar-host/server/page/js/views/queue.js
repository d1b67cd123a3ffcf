// @ts-check
/** The queue: what is being sent, what runs, and what has ended lately. */

import { html } from "../dom.js";
import { t } from "../i18n.js";
import { isActive, jobs, listed } from "../store.js";
import { transfers } from "../uploads.js";
import { JobRow } from "./job_row.js";
import { TransferRow } from "./transfer_row.js";

/** Ended jobs that are shown; all of them are in the library. */
const RECENT = 8;

export function Queue() {
    const all = [...jobs.value.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
    const active = all.filter(isActive).reverse();
    const recent = all.filter((job) => !isActive(job)).slice(0, RECENT);
    const sending = transfers.value.filter((each) => each.state !== "recording");
    return html`${
        (active.length > 0 || sending.length > 0) &&
        html`<section aria-labelledby="queue-title">
            <h2 id="queue-title">${t("queue.title")}</h2>
            <ul class="rows card">
                ${active.map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}
                ${sending.map((each) => html`<${TransferRow} key=${`t${each.id}`} transfer=${each} />`)}
            </ul>
        </section>`
    }
    ${
        recent.length > 0 &&
        html`<section aria-labelledby="recent-title">
            <div class="heading">
                <h2 id="recent-title">${t("queue.recent")}</h2>
                <a href="#/library">${t("queue.all")}</a>
            </div>
            <ul class="rows card">
                ${recent.map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}
            </ul>
        </section>`
    }
    ${listed.value && all.length === 0 && sending.length === 0 && html`<p class="muted center empty">${t("queue.empty")}</p>`}`;
}
