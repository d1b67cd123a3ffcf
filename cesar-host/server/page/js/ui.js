// @ts-check
/** Notices, dialogs and questions. */

import { html, signal, useEffect, useId, useRef } from "./dom.js";
import { Icon } from "./icons.js";
import { Prose } from "./prose.js";
import { t } from "./i18n.js";

/**
 * @typedef {object} Notice
 * @property {number} id
 * @property {string} text
 * @property {"plain" | "good" | "bad"} kind
 * @property {{ label: string, run: () => void }} [action]
 */

/** @type {import("../vendor/signals-core.js").Signal<Notice[]>} */
const notices = signal([]);
let last = 0;

/** @param {number} id */
const dismiss = (id) => {
    notices.value = notices.value.filter((notice) => notice.id !== id);
};

/**
 * Shows a short text for some seconds; it stays longer with an action, and until it is closed where something failed.
 * @param {string} text
 * @param {{ action?: { label: string, run: () => void }, kind?: "plain" | "good" | "bad" }} [options]
 */
export function toast(text, { action, kind = "plain" } = {}) {
    last += 1;
    const notice = { id: last, text, kind, action };
    notices.value = [...notices.value.filter((other) => other.text !== text), notice].slice(-4);
    if (kind !== "bad") setTimeout(() => dismiss(notice.id), action ? 12_000 : 5_000);
}

/** The place of the notices; the page has one. */
export function Toasts() {
    return html`<div class="toasts" role="status" aria-live="polite">
        ${notices.value.map(
            (notice) =>
                html`<div class="toast toast-${notice.kind}" key=${notice.id}>
                    <span dir="auto"><${Prose} text=${notice.text} /></span>
                    ${
                        notice.action &&
                        html`<button
                            type="button"
                            class="link"
                            onClick=${() => {
                                notice.action?.run();
                                dismiss(notice.id);
                            }}
                        >
                            ${notice.action.label}
                        </button>`
                    }
                    <button
                        type="button"
                        class="quiet icon-only"
                        aria-label=${t("ui.dismiss")}
                        onClick=${() => dismiss(notice.id)}
                    >
                        <${Icon} name="close" size=${16} />
                    </button>
                </div>`,
        )}
    </div>`;
}

/**
 * A modal dialog; Escape and a click beside it close it, the focus returns to where it was.
 * @param {{ title: string, onClose: () => void, children?: unknown, wide?: boolean, actions?: unknown }} props
 */
export function Dialog({ title, onClose, children, wide = false, actions }) {
    const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
    const name = useId();
    useEffect(() => {
        const before = document.activeElement;
        ref.current?.showModal();
        return () => {
            if (before instanceof HTMLElement && before.isConnected) before.focus();
        };
    }, []);
    return html`<dialog
        ref=${ref}
        class=${wide ? "dialog dialog-wide" : "dialog"}
        aria-labelledby=${name}
        onCancel=${(/** @type {Event} */ event) => {
            event.preventDefault();
            onClose();
        }}
        onPointerDown=${(/** @type {PointerEvent} */ event) => event.target === ref.current && onClose()}
    >
        <div class="dialog-body">
            <header class="dialog-head">
                <h2 id=${name} dir="auto">${title}</h2>
                <button type="button" class="quiet icon-only" aria-label=${t("ui.close")} onClick=${onClose}>
                    <${Icon} name="close" />
                </button>
            </header>
            <div class="dialog-content">${children}</div>
            ${actions && html`<footer class="dialog-actions">${actions}</footer>`}
        </div>
    </dialog>`;
}

/**
 * @typedef {object} Question
 * @property {string} text
 * @property {string} title
 * @property {string} yes
 * @property {boolean} danger
 * @property {(answer: boolean) => void} answer
 */

/** @type {import("../vendor/signals-core.js").Signal<Question | null>} */
const question = signal(null);

/**
 * Asks before something that cannot be undone.
 * @param {string} text
 * @param {{ title?: string, yes?: string, danger?: boolean }} [options]
 * @returns {Promise<boolean>}
 */
export function confirm(text, { title = t("ui.sure"), yes = t("ui.yes"), danger = true } = {}) {
    question.peek()?.answer(false);
    return new Promise((resolve) => {
        question.value = {
            text,
            title,
            yes,
            danger,
            answer: (answer) => {
                question.value = null;
                resolve(answer);
            },
        };
    });
}

/** The place of the question; the page has one. */
export function Questions() {
    const asked = question.value;
    if (!asked) return null;
    return html`<${Dialog}
        key=${asked.text}
        title=${asked.title}
        onClose=${() => asked.answer(false)}
        actions=${html`<button type="button" onClick=${() => asked.answer(false)}>${t("ui.cancel")}</button>
            <button type="button" class=${asked.danger ? "danger" : "primary"} onClick=${() => asked.answer(true)}>
                ${asked.yes}
            </button>`}
    >
        <p dir="auto"><${Prose} text=${asked.text} /></p>
    <//>`;
}
