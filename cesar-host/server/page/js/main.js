// @ts-check
/** The start of the page: language, theme, session, and the view that the address names. */

import { effect, html, render } from "./dom.js";
import { App, prepare } from "./app.js";
import { openSession } from "./session.js";
import { preferred, setLanguage } from "./i18n.js";
import { settings } from "./store.js";

effect(() => {
    const { theme } = settings.value;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
});

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
// The session is asked for while the texts are on their way.
void openSession();
await setLanguage(preferred(settings.peek().language));
render(html`<${App} />`, app);

// Views are fetched when a link to them is pointed at or focused.
for (const name of ["pointerover", "focusin"])
    addEventListener(name, (event) => {
        const link = event.target instanceof Element && event.target.closest('a[href^="#/"]');
        if (link) prepare(link.getAttribute("href") ?? "");
    });
