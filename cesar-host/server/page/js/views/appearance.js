// @ts-check
import { html } from "../dom.js";
export function Appearance() {
    return html`<p>Appearance</p>`;
}
