// @ts-check
/** The waveform of the recording, with the colours of the speakers below it: shows where it plays, and seeks. */

import { ApiError, getJson } from "../api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../dom.js";
import { clock } from "../format.js";
import { t } from "../i18n.js";
import { settings } from "../store.js";
import { voiceOf } from "./palette.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** Width of a bar and of the gap beside it, in CSS pixels. */
const [BAR, GAP] = [2, 1];
/** Pairs that the server is asked for; the canvas makes fewer of them. */
const PAIRS = 2000;

/**
 * Heights of bars, 0 to 1, from pairs of least and greatest sample.
 * @param {Int8Array} pairs
 * @param {number} bars
 */
function heights(pairs, bars) {
    const count = pairs.length >> 1;
    const result = new Float32Array(bars);
    let loudest = 1;
    for (let bar = 0; bar < bars; bar += 1) {
        const from = Math.floor((bar * count) / bars);
        const to = Math.max(from + 1, Math.floor(((bar + 1) * count) / bars));
        let peak = 0;
        for (let at = from; at < Math.min(to, count); at += 1) peak = Math.max(peak, pairs[2 * at + 1], -pairs[2 * at]);
        result[bar] = peak;
        loudest = Math.max(loudest, peak);
    }
    return result.map((peak) => Math.max(0.04, (peak / loudest) ** 0.8));
}

/** @param {string} text */
function decode(text) {
    const raw = atob(text);
    return Int8Array.from(raw, (letter) => (letter.charCodeAt(0) << 24) >> 24);
}

/**
 * A colour of the style sheets as the present scheme has it.
 * @param {HTMLElement} element
 * @param {string} name
 */
function colourOf(element, name) {
    element.style.color = `var(${name})`;
    return getComputedStyle(element).color;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array | null} bars
 * @param {string} colour
 */
function draw(canvas, bars, colour) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(ratio, ratio);
    context.fillStyle = colour;
    if (!bars) return context.fillRect(0, height / 2 - 1.5, width, 3);
    context.beginPath();
    bars.forEach((share, bar) => {
        const tall = Math.max(2, share * height);
        context.roundRect(bar * (BAR + GAP), (height - tall) / 2, BAR, tall, 1);
    });
    context.fill();
}

/** @param {{ desk: Desk }} props */
export function Waveform({ desk }) {
    const { model, player } = desk;
    const [outline, setOutline] = useState(/** @type {{ pairs: Int8Array, duration: number } | null} */ (null));
    const [width, setWidth] = useState(0);
    const box = useRef(/** @type {HTMLElement | null} */ (null));
    const below = useRef(/** @type {HTMLCanvasElement | null} */ (null));
    const above = useRef(/** @type {HTMLCanvasElement | null} */ (null));
    const strip = useRef(/** @type {HTMLCanvasElement | null} */ (null));
    const tip = useRef(/** @type {HTMLElement | null} */ (null));
    const dragging = useRef(false);
    const doc = model.shown.value;
    const live = model.state.value === "live";
    const { theme } = settings.value;
    const length = doc.duration || outline?.duration || player.duration.value || 0;
    const ready = player.state.value === "ready";

    useEffect(() => {
        const abort = new AbortController();
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        let later;
        const load = async () => {
            try {
                const { pairs, duration, offset } = await getJson(`${model.path}/peaks?width=${PAIRS}`, abort.signal);
                player.offset = Number(offset ?? 0);
                setOutline({ pairs: decode(pairs), duration });
            } catch (error) {
                // Before the recording is decoded there is none.
                const status = error instanceof ApiError ? error.status : -1;
                if (status === 409 || status === 0) later = setTimeout(load, 2000);
            }
        };
        void load();
        return () => {
            clearTimeout(later);
            abort.abort();
        };
    }, [live]);
    useEffect(() => {
        const element = /** @type {HTMLElement} */ (box.current);
        const observer = new ResizeObserver(() => setWidth(element.clientWidth));
        observer.observe(element);
        const dark = matchMedia("(prefers-color-scheme: dark)");
        const paint = () => setWidth((before) => before + 0.001);
        dark.addEventListener("change", paint);
        return () => {
            observer.disconnect();
            dark.removeEventListener("change", paint);
        };
    }, []);
    useLayoutEffect(() => {
        if (!below.current || !above.current || !width) return;
        const bars = outline ? heights(outline.pairs, Math.floor(Math.floor(width) / (BAR + GAP))) : null;
        draw(below.current, bars, colourOf(below.current, "--wave"));
        draw(above.current, bars, colourOf(above.current, "--accent"));
    }, [outline, width, theme]);
    useLayoutEffect(() => {
        const canvas = strip.current;
        const context = canvas?.getContext("2d");
        if (!canvas || !context || !width || !length) return;
        canvas.width = Math.round(width * (devicePixelRatio || 1));
        canvas.height = 1;
        for (const { start, end, speaker } of doc.segments) {
            if (speaker === undefined) continue;
            context.fillStyle = colourOf(canvas, `--voice-${voiceOf(model.colours.peek(), speaker)}`);
            context.fillRect((start / length) * canvas.width, 0, Math.max(1, ((end - start) / length) * canvas.width), 1);
        }
    }, [doc, width, theme, length]);
    useEffect(() => {
        const show = (/** @type {number} */ time) => {
            const share = length ? Math.min(1, time / length) : 0;
            if (above.current) above.current.style.clipPath = `inset(0 ${100 - share * 100}% 0 0)`;
            box.current?.style.setProperty("--at", `${share * 100}%`);
            box.current?.setAttribute("aria-valuenow", String(Math.round(time)));
            box.current?.setAttribute("aria-valuetext", t("transcript.position", { time: clock(time), length: clock(length) }));
        };
        show(player.time);
        return player.onTime(show);
    }, [length]);

    /** @param {PointerEvent} event */
    const timeAt = ({ clientX }) => {
        const rect = /** @type {HTMLElement} */ (box.current).getBoundingClientRect();
        return Math.min(1, Math.max(0, (clientX - rect.left) / rect.width)) * length;
    };
    /** @param {PointerEvent} event */
    const point = (event) => {
        if (dragging.current) player.seek(timeAt(event));
        const label = tip.current;
        if (!label || event.pointerType === "touch") return;
        const rect = /** @type {HTMLElement} */ (box.current).getBoundingClientRect();
        label.textContent = clock(timeAt(event));
        label.style.left = `${Math.min(rect.width - 28, Math.max(28, event.clientX - rect.left))}px`;
    };
    const faults = doc.audio?.issues ?? [];
    return html`<div
        ref=${box}
        class="wave"
        role="slider"
        tabindex="0"
        aria-label=${t("transcript.seek")}
        aria-valuemin="0"
        aria-valuemax=${Math.round(length)}
        aria-valuenow="0"
        aria-disabled=${!ready}
        onPointerDown=${(/** @type {PointerEvent} */ event) => {
            if (event.button) return;
            dragging.current = true;
            /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
            desk.following.value = true;
            player.seek(timeAt(event));
        }}
        onPointerMove=${point}
        onPointerUp=${() => {
            dragging.current = false;
            const { place } = desk;
            if (place) desk.list.reveal(place);
        }}
        onPointerCancel=${() => (dragging.current = false)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
            const jump = { Home: -Infinity, End: Infinity, PageUp: -60, PageDown: 60 }[event.key];
            if (jump === undefined) return;
            event.preventDefault();
            event.stopPropagation();
            player.seek(jump === Infinity ? length : Math.max(0, player.time + jump));
        }}
    >
        <canvas ref=${below} aria-hidden="true"></canvas>
        <canvas ref=${above} aria-hidden="true"></canvas>
        <canvas ref=${strip} class="wave-strip" aria-hidden="true"></canvas>
        ${length > 0 && faults.map((fault) => html`<span class="wave-fault" style=${{ insetInlineStart: `${Math.min(100, (fault.start / length) * 100)}%` }}></span>`)}
        <span class="wave-head" aria-hidden="true"></span>
        <span class="wave-tip" ref=${tip} aria-hidden="true"></span>
    </div>`;
}
