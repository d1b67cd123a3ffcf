// @ts-check
/** The start: recordings go in, and the queue shows what becomes of them. */

import { loadCatalog } from "../catalog.js";
import { html, useEffect } from "../dom.js";
import { t } from "../i18n.js";
import { Composer } from "./composer.js";
import { Queue } from "./queue.js";

export function Home() {
    useEffect(() => {
        void loadCatalog().catch(() => {});
    }, []);
    return html`<div class="column">
        <h1 class="visually-hidden">${t("home.title")}</h1>
        <${Composer} />
        <${Queue} />
    </div>`;
}
