// @ts-check
/** The speakers: names, colours, shares, samples; renamed once for all, and merged. */

import { html, useMemo } from "../dom.js";
import { duration, percent } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { confirm, Dialog } from "../ui.js";
import { voiceOf } from "./palette.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * Seconds that each speaker speaks.
 * @param {import("./types.js").Doc} doc
 */
export function shares(doc) {
    /** @type {Map<string, number>} */
    const seconds = new Map();
    for (const { speaker, start, end } of doc.segments) {
        if (speaker !== undefined) seconds.set(speaker, (seconds.get(speaker) ?? 0) + Math.max(0, end - start));
    }
    return seconds;
}

/** @param {{ desk: Desk, name: string, seconds: number, all: number }} props */
function SpeakerRow({ desk, name, seconds, all }) {
    const { model } = desk;
    const editable = model.editable.value;
    const others = model.speakers.value.filter((other) => other !== name);
    // A closed list changes with each arrow key.
    const merge = (/** @type {string} */ to) =>
        void confirm(t("transcript.merge_sure", { from: name, name: to }), { title: t("transcript.merge"), yes: t("transcript.merge"), danger: false }).then(
            (yes) => yes && desk.mergeSpeakers([name, to], to),
        );
    const store = (/** @type {Event} */ { currentTarget }) => {
        const input = /** @type {HTMLInputElement} */ (currentTarget);
        const to = input.value.trim();
        input.value = name;
        if (!to || to === name) return;
        if (!others.includes(to)) return desk.renameSpeaker(name, to);
        merge(to);
    };
    return html`<li class="speaker" data-voice=${voiceOf(model.colours.value, name)}>
        <button type="button" class="sample" aria-label=${t("transcript.sample", { name })} title=${t("transcript.sample", { name })} onClick=${() => desk.sample(name)}>
            <${Icon} name="play" size=${16} />
        </button>
        <input
            type="text"
            dir="auto"
            value=${name}
            maxlength="100"
            readonly=${!editable}
            aria-label=${t("transcript.name_of", { name })}
            autocomplete="off"
            spellcheck=${false}
            onChange=${store}
            onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
                const input = /** @type {HTMLInputElement} */ (event.currentTarget);
                event.stopPropagation();
                if (event.key === "Escape") input.value = name;
                if (event.key === "Enter" || event.key === "Escape") {
                    event.preventDefault();
                    input.blur();
                }
            }}
        />
        <span class="share muted" title=${percent(all ? seconds / all : 0)}>${duration(seconds)}</span>
        ${editable &&
        others.length > 0 &&
        html`<select
            class="merge"
            aria-label=${t("transcript.merge_into", { name })}
            title=${t("transcript.merge_into", { name })}
            onChange=${(/** @type {Event} */ { currentTarget }) => {
                const select = /** @type {HTMLSelectElement} */ (currentTarget);
                const to = select.value;
                select.value = "";
                if (to) merge(to);
            }}
        >
            <option value="">${t("transcript.merge_short")}</option>
            ${others.map((other) => html`<option value=${other}>${t("transcript.merge_with", { name: other })}</option>`)}
        </select>`}
        <span class="share-bar" aria-hidden="true"><span style=${{ inlineSize: `${all ? (seconds / all) * 100 : 0}%` }}></span></span>
    </li>`;
}

/** @param {{ desk: Desk }} props */
export function SpeakerList({ desk }) {
    const doc = desk.model.shown.value;
    const names = desk.model.speakers.value;
    const seconds = useMemo(() => shares(doc), [doc]);
    const all = [...seconds.values()].reduce((sum, each) => sum + each, 0);
    if (!names.length) return html`<p class="muted">${t("transcript.no_speakers")}</p>`;
    return html`<ul class="speakers">
        ${names.map((name) => html`<${SpeakerRow} key=${name} desk=${desk} name=${name} seconds=${seconds.get(name) ?? 0} all=${all} />`)}
    </ul>`;
}

/** @param {{ desk: Desk }} props */
export function SpeakersDialog({ desk }) {
    return html`<${Dialog} title=${t("transcript.speakers")} onClose=${() => (desk.dialog.value = null)}>
        <${SpeakerList} desk=${desk} />
        <p class="help">${t("transcript.speakers_help")}</p>
    <//>`;
}
