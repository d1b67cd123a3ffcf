// @ts-check
/** The start of the page: language, theme, session, and the view that the address names. */

import { effect, html, render } from "./dom.js";
import { App, loadTranscript } from "./app.js";
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

// The transcript view is fetched when a link to one is pointed at or focused: it is larger than all the rest.
for (const name of ["pointerover", "focusin"])
    addEventListener(name, (event) => {
        if (event.target instanceof Element && event.target.closest('a[href^="#/job/"]')) void loadTranscript();
    });
