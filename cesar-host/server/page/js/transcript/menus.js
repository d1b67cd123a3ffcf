// @ts-check
/** Items of the menus of a speaker, of a word and of a new turn. */

import { html } from "../dom.js";
import { clock } from "../format.js";
import { t } from "../i18n.js";
import { Menu } from "./menu.js";
import { voiceOf } from "./palette.js";
import { pieces } from "./pieces.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./desk.js").Place} Place */
/** @typedef {import("./menu.js").Item} Item */

/**
 * One item for each speaker, and one for another name.
 * @param {Desk} desk
 * @param {string | undefined} now
 * @param {(name: string) => void} choose
 * @param {string} asked
 * @returns {Item[]}
 */
function speakerItems(desk, now, choose, asked) {
    const { model } = desk;
    const items = model.speakers.value.map((name, index) => ({
        label: name,
        voice: voiceOf(model.colours.value, name),
        checked: name === now,
        hint: index < 9 ? String(index + 1) : undefined,
        run: () => choose(name),
    }));
    const other = {
        label: t("transcript.new_speaker"),
        run: () => (desk.ask.value = { title: asked, value: "", list: [], done: choose }),
    };
    return [...items, other];
}

/** @param {Desk} desk @param {Place} place @returns {(Item | null)[]} */
function speakerMenu(desk, { segment }) {
    const speaker = desk.model.doc.value.segments[segment]?.speaker;
    const items = speakerItems(desk, speaker, (name) => desk.assign(segment, name), t("transcript.give_turn"));
    const others = desk.model.speakers.value.filter((name) => name !== speaker);
    /** @type {(Item | null)[]} */
    const more =
        speaker === undefined
            ? []
            : [
                  null,
                  {
                      label: t("transcript.rename_everywhere", { name: speaker }),
                      run: () =>
                          (desk.ask.value = {
                              title: t("transcript.rename_everywhere", { name: speaker }),
                              value: speaker,
                              list: others,
                              done: (name) => desk.renameSpeaker(speaker, name),
                          }),
                  },
                  { label: t("transcript.sample", { name: speaker }), run: () => desk.sample(speaker) },
                  { label: t("transcript.all_speakers"), run: () => (desk.dialog.value = "speakers") },
              ];
    return [{ label: t("transcript.who_speaks") }, ...items, ...more];
}

/** @param {Desk} desk @param {Place} place @returns {(Item | null)[]} */
function splitMenu(desk, place) {
    const speaker = desk.model.doc.value.segments[place.segment]?.speaker;
    const text = pieces(desk.model.doc.value.segments[place.segment])[place.word]?.text ?? "";
    const choose = (/** @type {string} */ name) => desk.split(place, name);
    return [{ label: t("transcript.split_head", { text }) }, ...speakerItems(desk, speaker, choose, t("transcript.split_who"))];
}

/** @param {Desk} desk @param {Place} place @returns {(Item | null)[]} */
function wordMenu(desk, place) {
    const there = desk.model.shown.value.segments[place.segment];
    const piece = there && pieces(there)[place.word];
    if (!piece) return [];
    const { editable, lastFix } = desk.model;
    const fix = lastFix.value;
    return [
        { label: `${piece.text} · ${clock(piece.start / 1000)}` },
        { label: t("transcript.play_here"), run: () => desk.playFrom(place) },
        ...(editable.value
            ? [
                  { label: t("transcript.edit"), hint: "E", run: () => desk.edit(place) },
                  { label: t("transcript.split"), hint: "S", run: () => setTimeout(() => desk.openMenu("split", place)) },
                  {
                      label: t("transcript.delete_word"),
                      run: () =>
                          void desk.model.change(
                              [{ op: "delete_words", ...place, count: 1 }],
                              t("transcript.label_delete", { text: piece.text }),
                          ),
                  },
                  ...(fix ? [null, { label: t("transcript.glossary_add", fix), hint: "G", run: () => void desk.addToGlossary() }] : []),
              ]
            : []),
    ];
}

/** The menu that is open. @param {{ desk: Desk }} props */
export function Menus({ desk }) {
    const open = desk.menu.value;
    if (!open) return null;
    const make = { speaker: speakerMenu, split: splitMenu, word: wordMenu }[open.kind];
    const items = make(desk, open.place);
    if (!items.length) return null;
    return html`<${Menu}
        key=${`${open.kind} ${open.place.segment} ${open.place.word}`}
        items=${items}
        label=${items[0]?.label ?? ""}
        anchor=${open.anchor}
        onClose=${() => {
            if (desk.menu.peek() === open) desk.menu.value = null;
        }}
    />`;
}
