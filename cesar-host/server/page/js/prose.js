// @ts-check
/** Text of the server: what stands in backticks is code. */

import { html } from "./dom.js";

/**
 * @param {{ text: string }} props
 */
export function Prose({ text }) {
    return text.split("`").map((part, i) => (i % 2 ? html`<code dir="ltr">${part}</code>` : part));
}
