// @ts-check
import { html } from "../dom.js";
export function System() {
    return html`<p>System</p>`;
}
