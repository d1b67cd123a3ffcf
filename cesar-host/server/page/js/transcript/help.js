// @ts-check
/** The keys, and the switch that turns the single ones off. */

import { html } from "../dom.js";
import { t } from "../i18n.js";
import { settings } from "../store.js";
import { Dialog } from "../ui.js";

/** @type {[string, [string, string][]][]} */
const KEYS = [
    ["play", [["Space", "play_pause"], ["← →", "five_seconds"], ["↑ ↓", "turns"], [", .", "words"], ["− +", "speed"], ["0", "normal_speed"], ["F", "follow"]]],
    ["correct", [["E", "edit"], ["S", "split"], ["M", "menu"], ["1 … 9", "assign"], ["G", "glossary"], ["Ctrl Z", "undo"], ["Ctrl Shift Z", "redo"]]],
    ["typing", [["Enter", "keep"], ["Esc", "drop"], ["Tab", "next_segment"], ["Ctrl Enter", "split_here"], ["Ctrl Space", "play_pause"], ["Ctrl , .", "five_seconds"]]],
    ["view", [["Ctrl F", "find"], ["U", "uncertain"], ["O", "original"], ["X", "export"], ["?", "keys"]]],
];

/** @param {{ desk: import("./desk.js").Desk }} props */
export function HelpDialog({ desk }) {
    const on = settings.value.player.singleKeys !== false;
    return html`<${Dialog} wide title=${t("transcript.keys")} onClose=${() => (desk.dialog.value = null)}>
        <div class="keys">
            ${KEYS.map(
                ([group, list]) => html`<section>
                    <h3>${t(`transcript.keys_${group}`)}</h3>
                    <dl>
                        ${list.map(([keys, what]) => html`<div><dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${t(`transcript.key_${what}`)}</dd></div>`)}
                    </dl>
                </section>`,
            )}
        </div>
        <label class="check">
            <input type="checkbox" checked=${on} onChange=${() => desk.setting("singleKeys", !on)} />
            <span>${t("transcript.single_keys")}</span>
        </label>
    <//>`;
}
