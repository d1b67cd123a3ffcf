// @ts-check
import { html } from "../dom.js";
export function KeyPrompt() {
    return html`<p>KeyPrompt</p>`;
}
