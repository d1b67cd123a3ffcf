// @ts-check
/** Scrolling to a word, and noticing that the reader scrolls away from the current word. */

import { rowOfSegment } from "./blocks.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./desk.js").Place} Place */

/** Frames until a word far away is drawn and measured. */
const TRIES = 6;

/** The part of the window that no bar covers. */
function zone() {
    const bar = document.querySelector(".tools")?.getBoundingClientRect();
    const player = document.querySelector(".player")?.getBoundingClientRect();
    const top = Math.max(0, bar && bar.top < innerHeight / 2 ? bar.bottom : 0) + 12;
    return { top, bottom: Math.min(innerHeight, player?.top ?? innerHeight) - 12 };
}

/**
 * @param {Desk} desk
 * @param {HTMLElement} root
 * @param {{ geometry: import("./geometry.js").Geometry, ownScroll: number }} state
 * @param {() => void} measure
 * @returns {() => void} detach
 */
export function attachReveal(desk, root, state, measure) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let ownUntil = 0;
    let job = 0;

    /** @param {number} by @param {boolean} far */
    const scroll = (by, far) => {
        const smooth = !far && !calm.matches && Math.abs(by) < innerHeight * 1.5;
        ownUntil = performance.now() + (smooth ? 900 : 150);
        scrollBy({ top: by, behavior: smooth ? "smooth" : "instant" });
    };

    /** @param {Place} place @param {"near" | "always"} how @param {number} tries */
    const reveal = (place, how = "near", tries = TRIES) => {
        cancelAnimationFrame(job);
        const element = desk.decorations?.element(place) ?? (root.querySelector(".typing"));
        const { top, bottom } = zone();
        const middle = top + (bottom - top) * 0.35;
        if (element && root.contains(element)) {
            const rect = element.getBoundingClientRect();
            const isVisible = rect.top >= top && rect.bottom <= bottom - (bottom - top) * 0.12;
            if (isVisible && how === "near") return;
            if (Math.abs(rect.top - middle) > 2) scroll(rect.top - middle, tries < TRIES);
            return;
        }
        const row = rowOfSegment(desk.model.rows.peek(), place.segment);
        if (row < 0 || tries === 0) return;
        const at = root.getBoundingClientRect().top + state.geometry.top(row);
        // Rows on the way are not drawn: a jump, then the rest once the row is there.
        if (tries === TRIES || at < top - 400 || at > bottom + 400) scroll(at - middle, true);
        job = requestAnimationFrame(() => reveal(place, how, tries - 1));
    };

    const away = () => {
        if (desk.player.playing.peek()) desk.following.value = false;
    };
    const onScroll = () => {
        if (performance.now() > ownUntil && Math.abs(scrollY - state.ownScroll) > 2) away();
    };
    const onKey = (/** @type {KeyboardEvent} */ { key }) => {
        if (["PageUp", "PageDown", "Home", "End"].includes(key)) {
            ownUntil = 0;
            away();
        }
    };
    const onMove = () => {
        ownUntil = 0;
        away();
    };
    addEventListener("scroll", onScroll, { passive: true });
    addEventListener("wheel", onMove, { passive: true });
    addEventListener("touchmove", onMove, { passive: true });
    addEventListener("keydown", onKey);
    desk.list = { reveal, measure, wordAt: (place) => desk.decorations?.element(place) ?? null };
    return () => {
        cancelAnimationFrame(job);
        removeEventListener("scroll", onScroll);
        removeEventListener("wheel", onMove);
        removeEventListener("touchmove", onMove);
        removeEventListener("keydown", onKey);
    };
}
