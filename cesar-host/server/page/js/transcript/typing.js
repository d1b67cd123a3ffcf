// @ts-check
/** The field in which a segment is edited. */

import { html, useEffect, useLayoutEffect, useRef } from "../dom.js";
import { clock } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { countWords, tokensOf } from "./pieces.js";

/** @param {{ desk: import("./desk.js").Desk, segment: number }} props */
export function Typing({ desk, segment }) {
    const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
    const { typing } = desk.model;
    const there = desk.model.doc.value.segments[segment];
    const fit = () => {
        const area = field.current;
        if (!area) return;
        const before = area.offsetHeight;
        area.style.blockSize = "auto";
        area.style.blockSize = `${area.scrollHeight + 2}px`;
        if (area.offsetHeight !== before) desk.list.measure();
    };
    const now = typing.value;
    // Another window has changed the text: the caret stays between the same words.
    useLayoutEffect(() => {
        const area = field.current;
        if (!area || !now || now.segment !== segment || area.value === now.text) return;
        const { value, selectionStart, selectionEnd } = area;
        const at = (/** @type {number} */ caret) =>
            value.slice(0, caret) === now.text.slice(0, caret) ? caret : Math.max(0, caret + now.text.length - value.length);
        area.value = now.text;
        area.focus({ preventScroll: true });
        area.setSelectionRange(at(selectionStart), at(selectionEnd));
        fit();
        desk.model.keep();
    }, [now]);
    useLayoutEffect(() => {
        const area = field.current;
        if (!area || !now) return;
        area.value = now.text;
        fit();
        desk.list.measure();
        area.focus({ preventScroll: true });
        area.setSelectionRange(...now.selection);
        // A window that is hidden keeps what was typed; leaving the transcript stores it.
        const leave = () => desk.model.keep();
        addEventListener("pagehide", leave);
        return () => {
            removeEventListener("pagehide", leave);
            desk.list.measure();
        };
    }, [segment]);
    useEffect(() => {
        const observer = new ResizeObserver(fit);
        if (field.current?.parentElement) observer.observe(field.current.parentElement);
        return () => observer.disconnect();
    }, []);

    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
        const { key, ctrlKey, metaKey, shiftKey, isComposing } = event;
        if (isComposing) return;
        const control = ctrlKey || metaKey;
        /** @type {(() => void) | null} */
        let run = null;
        if (key === "Enter" && control) run = () => splitAtCaret();
        else if (key === "Enter") run = () => desk.commit();
        else if (key === "Escape") run = () => desk.cancelTyping();
        else if (key === "Tab") run = () => desk.commit(shiftKey ? -1 : 1);
        else if (control && key === " ") run = () => desk.player.toggle();
        else if (control && key === ",") run = () => desk.player.skip(-5);
        else if (control && key === ".") run = () => desk.player.skip(5);
        if (!run) return;
        event.preventDefault();
        event.stopPropagation();
        run();
    };
    const splitAtCaret = () => {
        const area = field.current;
        if (!area) return;
        const before = tokensOf(area.value.slice(0, area.selectionStart)).length;
        desk.commit();
        const now = desk.model.doc.peek().segments[segment];
        if (now && before > 0 && before < countWords(now)) {
            desk.model.change([{ op: "split_segment", segment, word: before }], t("transcript.label_segment", { time: clock(now.start) }));
            desk.edit({ segment: segment + 1, word: 0 }, "start");
        }
    };

    if (!there) return null;
    return html`<span class="typing">
        <textarea
            ref=${field}
            rows="1"
            dir="auto"
            spellcheck=${true}
            enterkeyhint="done"
            aria-label=${t("transcript.edit_at", { time: clock(there.start) })}
            aria-describedby="typing-help"
            onInput=${(/** @type {InputEvent} */ { currentTarget }) => {
                desk.model.typed(/** @type {HTMLTextAreaElement} */ (currentTarget).value);
                fit();
            }}
            onKeyDown=${onKey}
            onBlur=${(/** @type {FocusEvent} */ { relatedTarget }) => {
                const within = relatedTarget instanceof Element && relatedTarget.closest(".typing, .toasts");
                if (!within && document.hasFocus() && typing.peek()?.segment === segment) desk.commit();
            }}
        ></textarea>
        <span class="typing-bar">
            <button type="button" class="typing-play" title=${t("transcript.hear")} onClick=${() => void desk.player.sample(there.start, there.end)}>
                <${Icon} name="play" size=${16} />
                <span class="visually-hidden">${t("transcript.hear")}</span> <span>${clock(there.start)}</span>
            </button>
            <span id="typing-help" class="typing-help">${t("transcript.typing_help")}</span>
            <button type="button" class="typing-cancel" onClick=${() => desk.cancelTyping()}>${t("ui.cancel")}</button>
            <button type="button" class="typing-done" onClick=${() => desk.commit()}>${t("transcript.done")}</button>
        </span>
    </span>`;
}
