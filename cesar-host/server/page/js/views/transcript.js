// @ts-check
/** The transcript of a job. */

import { html } from "../dom.js";

/**
 * @param {{ id: string, time: number | null }} props
 */
export function Transcript({ id, time }) {
    return html`<p>${id} ${time}</p>`;
}
