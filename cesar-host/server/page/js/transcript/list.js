// @ts-check
/** The rows of the transcript: only those near the viewport are in the document, and those in sight never move. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.js";
import { t } from "../i18n.js";
import { rowOfSegment } from "./blocks.js";
import { Decorations } from "./decorations.js";
import { Geometry } from "./geometry.js";
import { NoteRow } from "./note.js";
import { attachReveal } from "./reveal.js";
import { TurnRow } from "./turn.js";

/** @typedef {import("./blocks.js").Row} Row */
/** @typedef {import("./desk.js").Desk} Desk */

/** Rows this far outside the viewport are drawn, in pixels. */
const AHEAD = 700;
/** The same after a jump: each frame of a drag of the scrollbar shows other rows. */
const AHEAD_OF_JUMP = 60;
/** Time that the text stands still, in milliseconds, until a jump has ended. */
const STILL_MS = 120;

/**
 * The height that a row will probably have.
 * @param {Row} row
 * @param {number} width
 */
function estimate(row, width) {
    if (row.kind === "note") return 72;
    const wide = width >= 640;
    const column = Math.min(wide ? width - 190 : width, 736);
    const lines = Math.max(1, Math.ceil((row.letters * 8.4) / column));
    return lines * 29 + (row.opens && !wide ? 62 : 26);
}

/** One row in the document, kept as it is while neither it nor its number changes. */
class Cache {
    /** @type {WeakMap<Row, { index: number, count: number, content: unknown }>} */
    #known = new WeakMap();

    /** @param {Row} row @param {number} index @param {number} count @param {Desk} desk */
    content(row, index, count, desk) {
        const known = this.#known.get(row);
        if (known?.index === index && known.count === count) return known.content;
        const content = row.kind === "note" ? html`<${NoteRow} note=${row} desk=${desk} />` : html`<${TurnRow} block=${row} desk=${desk} />`;
        this.#known.set(row, { index, count, content });
        return content;
    }
}

/** @param {{ desk: Desk }} props */
export function Rows({ desk }) {
    const rows = desk.model.rows.value;
    const typing = desk.model.typing.value;
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    const memory = useRef(/** @type {ReturnType<typeof makeState> | null} */ (null));
    memory.current ??= makeState();
    const state = memory.current;
    const [, redraw] = useState(0);
    const again = () => redraw((count) => count + 1);

    /** Distance of the viewport from the start of the list. */
    const viewOf = () => (root.current ? -root.current.getBoundingClientRect().top : 0);
    if (state.rows !== rows || state.width === 0) {
        // The row at the top of the viewport stays there.
        state.anchor = viewOf() > 0 ? state.readingAt(viewOf()) : null;
        state.width = root.current?.clientWidth || Math.min(innerWidth - 32, 1000);
        state.rows = rows;
        state.geometry.setRows(rows.map((row) => row.key), rows.map((row) => estimate(row, state.width)));
    }
    const goal = state.anchor ? state.viewFor(state.anchor) : viewOf();
    const ahead = state.jumps ? AHEAD_OF_JUMP : AHEAD;
    const [first, last] = state.geometry.range(goal - ahead, goal + innerHeight + ahead);
    const shown = [];
    for (let index = first; index < last; index += 1) shown.push(index);
    // A row with the keyboard focus stays, however far it is scrolled away.
    const focused = root.current?.contains(document.activeElement) ? document.activeElement?.closest(".text-row") : null;
    const kept = new Set([typing ? rowOfSegment(rows, typing.segment) : -1, focused instanceof HTMLElement ? rows.findIndex((row) => row.key === focused.dataset.key) : -1]);
    for (const index of kept) if (index >= 0 && !shown.includes(index)) shown.push(index);
    shown.sort((one, other) => one - other);
    state.shown = [first, last];

    useLayoutEffect(() => {
        const element = root.current;
        if (!element) return;
        const { geometry } = state;
        const view = viewOf();
        let shift = state.anchor && view > 0 ? state.viewFor(state.anchor) - view : 0;
        state.anchor = null;
        const reading = geometry.rowAt(view + shift + 1);
        const before = geometry.top(reading);
        let changed = false;
        const children = /** @type {Iterable<HTMLElement>} */ (/** @type {unknown} */ (element.children));
        for (const child of children) {
            changed = geometry.measure(Number(child.dataset.index), child.offsetHeight) !== 0 || changed;
        }
        if (view > 0) shift += geometry.top(reading) - before;
        if (changed) {
            element.style.height = `${geometry.total}px`;
            for (const child of children) child.style.transform = `translateY(${geometry.top(Number(child.dataset.index))}px)`;
        }
        if (Math.abs(shift) > 0.5) {
            state.ownScroll = scrollY + shift;
            scrollBy({ top: shift, behavior: "instant" });
        }
        // Reading the place again would compute the layout twice.
        if ((changed || shift) && state.isOutside(Math.abs(shift) > 0.5 ? view + shift : view)) again();
        desk.decorations?.apply();
    });

    useEffect(() => {
        const element = /** @type {HTMLElement} */ (root.current);
        const decorations = new Decorations(desk, element);
        desk.decorations = decorations;
        const detach = attachReveal(desk, element, state, again);
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        let still;
        const onScroll = () => {
            const view = viewOf();
            if (state.jumps || state.isFar(view)) {
                state.jumps = desk.skims.value = true;
                clearTimeout(still);
                still = setTimeout(() => {
                    state.jumps = desk.skims.value = false;
                    again();
                    requestAnimationFrame(() => desk.decorations?.apply());
                }, STILL_MS);
            }
            if (state.isOutside(view)) again();
        };
        const observer = new ResizeObserver(() => {
            const width = element.clientWidth;
            if (width && Math.abs(width - state.width) > 1) {
                state.width = 0;
                state.geometry.forget();
            }
            again();
        });
        observer.observe(element);
        // The part above the text changes its height: the reader keeps the line.
        const placeOf = () => element.getBoundingClientRect().top + scrollY;
        let place = placeOf();
        const above = new ResizeObserver(() => {
            const shift = placeOf() - place;
            place += shift;
            if (scrollY < 1 || Math.abs(shift) < 0.5) return;
            state.ownScroll = scrollY + shift;
            scrollBy({ top: shift, behavior: "instant" });
        });
        const page = element.closest(".page-text");
        if (page) above.observe(page);
        addEventListener("scroll", onScroll, { passive: true });
        addEventListener("resize", again);
        decorations.apply();
        again();
        return () => {
            clearTimeout(still);
            observer.disconnect();
            above.disconnect();
            detach();
            decorations.stop();
            removeEventListener("scroll", onScroll);
            removeEventListener("resize", again);
        };
    }, []);

    return html`<div
        ref=${root}
        class=${desk.uncertain.value ? "text text-uncertain" : "text"}
        role="feed"
        aria-label=${t("transcript.text")}
        aria-busy=${desk.model.state.value === "live"}
        style=${{ height: `${state.geometry.total}px` }}
    >
        ${shown.map(
            (index) => html`<div
                key=${rows[index].key}
                class="text-row"
                data-index=${index}
                data-key=${rows[index].key}
                role="article"
                aria-posinset=${index + 1}
                aria-setsize=${rows.length}
                style=${{ transform: `translateY(${state.geometry.top(index)}px)` }}
            >
                ${state.cache.content(rows[index], index, rows.length, desk)}
            </div>`,
        )}
    </div>`;
}

/** @typedef {{ key: string, start: number, offset: number }} Reading A row, and how far below the top of the viewport it stands. */

function makeState() {
    return {
        rows: /** @type {Row[]} */ ([]),
        width: 0,
        geometry: new Geometry(),
        cache: new Cache(),
        shown: /** @type {[number, number]} */ ([0, 0]),
        /** Whether the text is scrolled by more than the rows that are drawn. */
        jumps: false,
        anchor: /** @type {Reading | null} */ (null),
        /** The position that this module scrolled to, which is no scrolling of the reader. */
        ownScroll: -1,

        /** The row at the top of the viewport. @param {number} view @returns {Reading | null} */
        readingAt(view) {
            const at = this.geometry.rowAt(view);
            const row = this.rows[at];
            return row ? { key: row.key, start: row.start, offset: this.geometry.top(at) - view } : null;
        },

        /** The position of the viewport that shows a row as before; for a row that is gone, the row at its time. @param {Reading} reading */
        viewFor({ key, start, offset }) {
            let near = 0;
            for (const [index, row] of this.rows.entries()) {
                if (row.key === key) return this.geometry.top(index) - offset;
                if (row.start <= start) near = index;
            }
            return this.geometry.top(near) - offset;
        },

        /** Whether rows are missing near the viewport. @param {number} view */
        isOutside(view) {
            const ahead = this.jumps ? 0 : AHEAD / 2;
            const [first, last] = this.geometry.range(view - ahead, view + innerHeight + ahead);
            return first < this.shown[0] || last > this.shown[1];
        },

        /** Whether no row in the viewport is drawn. @param {number} view */
        isFar(view) {
            const [first, last] = this.geometry.range(view, view + innerHeight);
            return first >= this.shown[1] || last <= this.shown[0];
        },
    };
}
