// @ts-check
/** A menu at a place of the text. */

import { html, useEffect, useLayoutEffect, useRef } from "../dom.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {() => void} [run] Absent for a heading.
 * @property {string} [hint] The key that does the same.
 * @property {number} [voice] The colour of a speaker.
 * @property {boolean} [checked]
 */

/**
 * @param {{ items: (Item | null)[], label: string, anchor: { left: number, right: number, top: number, bottom: number }, onClose: () => void }} props
 * `null` is a line between items.
 */
export function Menu({ items, label, anchor, onClose }) {
    const ref = useRef(/** @type {HTMLElement | null} */ (null));
    useLayoutEffect(() => {
        const menu = /** @type {HTMLElement} */ (ref.current);
        const { offsetWidth: width, offsetHeight: height } = menu;
        const rtl = document.documentElement.dir === "rtl";
        const left = rtl ? anchor.right - width : anchor.left;
        menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
        const below = anchor.bottom + 6;
        const fits = below + height < innerHeight - 8;
        menu.style.top = `${Math.max(8, fits ? below : anchor.top - height - 6)}px`;
        /** @type {HTMLElement | null} */ (menu.querySelector("[aria-checked=true], button"))?.focus({ preventScroll: true });
    }, []);
    useEffect(() => {
        const before = document.activeElement;
        const opener = before instanceof HTMLElement && !ref.current?.contains(before) ? before : null;
        const away = (/** @type {Event} */ { target }) => {
            if (!ref.current?.contains(/** @type {Node} */ (target))) onClose();
        };
        const at = scrollY;
        const scrolled = () => Math.abs(scrollY - at) > 60 && onClose();
        addEventListener("pointerdown", away, true);
        addEventListener("scroll", scrolled, { passive: true });
        addEventListener("resize", onClose);
        return () => {
            removeEventListener("pointerdown", away, true);
            removeEventListener("scroll", scrolled);
            removeEventListener("resize", onClose);
            if (document.activeElement === document.body) opener?.focus({ preventScroll: true });
        };
    }, []);
    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
        const all = /** @type {HTMLElement[]} */ ([...(ref.current?.querySelectorAll("button") ?? [])]);
        const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
        event.stopPropagation();
        if (event.key === "Escape" || event.key === "Tab") {
            event.preventDefault();
            onClose();
        } else if (to !== undefined) {
            event.preventDefault();
            all[(to + all.length) % all.length]?.focus();
        } else if (event.key.length === 1 && event.key !== " ") {
            const letter = event.key.toLowerCase();
            const next = [...all.slice(at + 1), ...all].find((button) => button.textContent?.trim().toLowerCase().startsWith(letter));
            next?.focus();
        }
    };
    return html`<div ref=${ref} class="menu" role="menu" aria-label=${label} onKeyDown=${onKey}>
        ${items.map((item) => {
            if (!item) return html`<hr role="separator" />`;
            if (!item.run) return html`<p class="menu-head" role="presentation" dir="auto">${item.label}</p>`;
            const { run } = item;
            return html`<button
                type="button"
                role=${item.checked === undefined ? "menuitem" : "menuitemradio"}
                aria-checked=${item.checked}
                tabindex="-1"
                data-voice=${item.voice}
                onClick=${() => {
                    onClose();
                    run();
                }}
            >
                ${item.voice !== undefined && html`<span class="dot" aria-hidden="true"></span>`}
                <bdi>${item.label}</bdi>
                ${item.hint && html`<kbd>${item.hint}</kbd>`}
            </button>`;
        })}
    </div>`;
}
