// @ts-check
import { html } from "../dom.js";
export function Home() {
    return html`<p>Home</p>`;
}
