// @ts-check
import { html } from "../dom.js";
export function Library() {
    return html`<p>Library</p>`;
}
