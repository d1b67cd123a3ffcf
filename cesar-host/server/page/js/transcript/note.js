// @ts-check
/** A note at its place: text that is missing, or a fault of the recording. */

import { html } from "../dom.js";
import { clock } from "../format.js";
import { Icon } from "../icons.js";
import { has, t } from "../i18n.js";

/** @param {{ note: import("./blocks.js").Note, desk: import("./desk.js").Desk }} props */
export function NoteRow({ note, desk }) {
    const [from, to] = [clock(note.start), clock(note.end)];
    const key = note.note === "truncated" ? "transcript.note_truncated" : `transcript.issue_${note.issue}`;
    const title = has(key) ? t(key, { from, to }) : t("transcript.issue_other", { from, to });
    const reason = note.note === "truncated" && has(`transcript.cut_${note.detail}`) ? t(`transcript.cut_${note.detail}`) : note.detail;
    return html`<aside class="note">
        <${Icon} name="warning" />
        <p><strong>${title}</strong> <span dir="auto">${reason}</span></p>
        <button type="button" class="time" aria-label=${t("transcript.play_from", { time: from })} onClick=${() => desk.playAt(Math.max(0, note.start - 2))}>
            ${from}
        </button>
    </aside>`;
}
