// @ts-check
/** A paragraph: who speaks, when, and the words. */

import { html, useLayoutEffect, useRef } from "../dom.js";
import { clock } from "../format.js";
import { Icon } from "../icons.js";
import { lang, t } from "../i18n.js";
import { voiceOf } from "./palette.js";
import { pieces, separator, written } from "./pieces.js";
import { Typing } from "./typing.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./blocks.js").Block} Block */

/** Below this probability a word is uncertain. */
const UNCERTAIN = 0.5;

/** Template of every word. */
const WORD = document.createElement("span");
WORD.className = "w";

/**
 * The words of a segment as nodes.
 * @param {import("./types.js").Segment} segment
 */
function wordsOf(segment) {
    const all = pieces(segment);
    const nodes = document.createDocumentFragment();
    written(segment).forEach((text, word) => {
        const element = /** @type {HTMLElement} */ (WORD.cloneNode());
        const { probability } = all[word];
        const shown = text.trimStart();
        element.dataset.w = String(word);
        if (probability !== null && probability < UNCERTAIN) {
            element.dataset.low = "";
            element.title = t("transcript.probability", { percent: Math.round(probability * 100) });
        }
        element.textContent = shown;
        // The space before a word is no part of what is lit.
        if (shown.length < text.length) nodes.append(text.slice(0, text.length - shown.length));
        nodes.append(element);
    });
    return nodes;
}

/**
 * The words of a segment, made without the view library: a screen has a thousand of them, and they change together only.
 * @param {{ desk: Desk, segment: import("./types.js").Segment, index: number }} props
 */
function Words({ desk, segment, index }) {
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    const made = useRef(/** @type {unknown[]} */ ([]));
    const plain = desk.skims.value;
    useLayoutEffect(() => {
        if (made.current[0] === segment && made.current[1] === lang.value) return;
        made.current = plain ? [] : [segment, lang.value];
        root.current?.replaceChildren(plain ? written(segment).join("") : wordsOf(segment));
    }, [segment, lang.value, plain]);
    return html`<span class="seg" ref=${root} data-s=${index}></span>`;
}

/** @param {{ block: Block, desk: Desk }} props */
export function TurnRow({ block, desk }) {
    const { first, speaker, segments, start, opens } = block;
    const typing = desk.model.typing.value;
    const editable = desk.model.editable.value;
    const colour = speaker === undefined ? undefined : voiceOf(desk.model.colours.value, speaker);
    const time = clock(start);
    const edits = typing && typing.segment >= first && typing.segment < first + segments.length ? typing.segment : -1;
    const gap = separator(desk.model.shown.value.language, desk.model.shown.value.task);
    const chip = speaker !== undefined && (opens || !editable);
    return html`<section class=${`turn${opens ? " turn-opens" : ""}`} data-voice=${colour}>
        <header class="turn-head">
            ${chip || (opens && editable && desk.model.speakers.value.length > 0)
                ? html`<button
                      type="button"
                      class="voice"
                      disabled=${!editable}
                      aria-haspopup="menu"
                      aria-label=${t("transcript.speaker_of", { name: speaker ?? t("transcript.unknown"), time })}
                      onClick=${(/** @type {MouseEvent} */ { currentTarget }) =>
                          desk.openMenu("speaker", { segment: first, word: 0 }, /** @type {Element} */ (currentTarget))}
                  >
                      <bdi>${speaker ?? t("transcript.unknown")}</bdi>
                  </button>`
                : null}
            <span class="turn-acts">
                <button type="button" class="time" aria-label=${t("transcript.play_from", { time })} onClick=${() => desk.playAt(start)}>
                    ${time}
                </button>
                ${editable &&
                html`<button
                    type="button"
                    class="turn-edit"
                    aria-label=${t("transcript.edit_at", { time })}
                    onClick=${() => desk.edit({ segment: first, word: 0 })}
                >
                    <${Icon} name="edit" size=${16} />
                </button>`}
            </span>
        </header>
        <div class="said" dir="auto">
            ${segments.map((segment, index) =>
                first + index === edits
                    ? html`<${Typing} key=${`typing${edits}`} desk=${desk} segment=${edits} />`
                    : html`<${Words} key=${segment.start} desk=${desk} segment=${segment} index=${first + index} />${gap}`,
            )}
        </div>
    </section>`;
}
