// @ts-check
/** Find and replace. */

import { html, useEffect, useMemo, useRef, useSignal } from "../dom.js";
import { number } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { toast } from "../ui.js";
import { found } from "./decorations.js";
import { findAll, replacements } from "./find.js";
import { lastBefore, timeOf } from "./timeline.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Event} event */
const valueOf = ({ currentTarget }) => /** @type {HTMLInputElement} */ (currentTarget).value;

/** @param {{ desk: Desk }} props */
export function FindBar({ desk }) {
    const { model } = desk;
    const text = useSignal(getSelection()?.toString().trim().slice(0, 100) ?? "");
    const replacement = useSignal("");
    const matchCase = useSignal(false);
    const wholeWords = useSignal(false);
    const field = useRef(/** @type {HTMLInputElement | null} */ (null));
    const doc = model.shown.value;
    const query = { text: text.value, matchCase: matchCase.value, wholeWords: wholeWords.value };
    const matches = useMemo(() => findAll(doc, query), [doc, query.text, query.matchCase, query.wholeWords]);
    const { at } = found.value;

    useEffect(() => {
        field.current?.focus();
        field.current?.select();
        return () => {
            found.value = { matches: [], at: -1 };
        };
    }, []);
    useEffect(() => {
        // The first match at or after what the reader sees.
        const { place } = desk;
        const before = place ? lastBefore(matches, place.segment - 0.5, (match) => match.segment) + 1 : 0;
        const kept = found.peek().at;
        const start = kept >= 0 && kept < matches.length ? kept : before < matches.length ? before : 0;
        found.value = { matches, at: matches.length ? start : -1 };
    }, [matches]);
    /** @param {number} to */
    const show = (to) => {
        if (!matches.length) return;
        const next = (to + matches.length) % matches.length;
        found.value = { matches, at: next };
        const { segment, first } = matches[next];
        desk.following.value = false;
        desk.list.reveal({ segment, word: first });
    };
    const replace = () => {
        const match = matches[at];
        if (!match) return;
        const operations = replacements(model.doc.peek(), [match], replacement.value);
        model.change(operations, t("transcript.label_replace", { from: text.value, to: replacement.value }));
        setTimeout(() => show(found.peek().at));
    };
    const replaceAll = () => {
        const operations = replacements(model.doc.peek(), matches, replacement.value);
        const count = matches.length;
        if (!model.change(operations, t("transcript.label_replace", { from: text.value, to: replacement.value }))) return;
        toast(t("transcript.replaced", { count, number: number(count) }), {
            action: { label: t("transcript.undo"), run: () => model.reverse("undo") },
        });
    };
    const close = () => (desk.finding.value = false);
    const editable = model.editable.value;
    return html`<div
        class="find"
        role="search"
        aria-label=${t("transcript.find")}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
            event.stopPropagation();
            if (event.key === "Escape") close();
            else if (event.key === "F3" || ((event.ctrlKey || event.metaKey) && event.key === "g")) {
                event.preventDefault();
                show(at + (event.shiftKey ? -1 : 1));
            }
        }}
    >
        <div class="find-row">
            <label class="find-field">
                <span class="visually-hidden">${t("transcript.find")}</span>
                <input
                    ref=${field}
                    type="search"
                    dir="auto"
                    placeholder=${t("transcript.find")}
                    value=${text.value}
                    autocomplete="off"
                    spellcheck=${false}
                    onInput=${(/** @type {Event} */ event) => {
                        text.value = valueOf(event);
                        found.value = { matches: [], at: -1 };
                    }}
                    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
                        if (event.key !== "Enter") return;
                        event.preventDefault();
                        show(at + (event.shiftKey ? -1 : 1));
                    }}
                />
            </label>
            <output class="numbers muted" aria-live="polite">
                ${text.value.trim() ? (matches.length ? t("transcript.found", { at: number(at + 1), count: matches.length, number: number(matches.length) }) : t("transcript.found_none")) : ""}
            </output>
            <button type="button" class="quiet icon-only" aria-label=${t("transcript.find_before")} disabled=${!matches.length} onClick=${() => show(at - 1)}>
                <span class="turned"><${Icon} name="chevron" /></span>
            </button>
            <button type="button" class="quiet icon-only" aria-label=${t("transcript.find_after")} disabled=${!matches.length} onClick=${() => show(at + 1)}>
                <${Icon} name="chevron" />
            </button>
            <button
                type="button"
                class="quiet icon-only"
                aria-label=${t("transcript.play_found")}
                title=${t("transcript.play_found")}
                disabled=${!matches.length}
                onClick=${() => matches[at] && desk.playAt(timeOf(doc, { segment: matches[at].segment, word: matches[at].first }))}
            >
                <${Icon} name="play" />
            </button>
            <button type="button" class="quiet icon-only" aria-label=${t("ui.close")} onClick=${close}><${Icon} name="close" /></button>
        </div>
        <div class="find-row">
            ${editable &&
            html`<label class="find-field">
                    <span class="visually-hidden">${t("transcript.replace_by")}</span>
                    <input
                        type="text"
                        dir="auto"
                        placeholder=${t("transcript.replace_by")}
                        value=${replacement.value}
                        autocomplete="off"
                        onInput=${(/** @type {Event} */ event) => (replacement.value = valueOf(event))}
                        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
                            if (event.key === "Enter") replace();
                        }}
                    />
                </label>
                <button type="button" disabled=${!matches.length} onClick=${replace}>${t("transcript.replace")}</button>
                <button type="button" disabled=${!matches.length} onClick=${replaceAll}>${t("transcript.replace_all")}</button>`}
            <span class="find-switches">
                <label class="check"
                    ><input type="checkbox" checked=${matchCase.value} onChange=${() => (matchCase.value = !matchCase.value)} /><span>${t("transcript.match_case")}</span></label
                >
                <label class="check"
                    ><input type="checkbox" checked=${wholeWords.value} onChange=${() => (wholeWords.value = !wholeWords.value)} /><span>${t("transcript.whole_words")}</span></label
                >
            </span>
        </div>
    </div>`;
}
