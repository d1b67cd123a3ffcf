// @ts-check
/** The bar at the foot of the transcript: waveform, position, speed. */

import { html, useEffect, useLayoutEffect, useRef } from "../dom.js";
import { clock } from "../format.js";
import { Icon } from "../icons.js";
import { lang, t } from "../i18n.js";
import { RATES } from "./player.js";
import { Waveform } from "./waveform.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {{ desk: Desk }} props */
function Position({ desk }) {
    const { player, model } = desk;
    const now = useRef(/** @type {HTMLElement | null} */ (null));
    const length = model.shown.value.duration || player.duration.value;
    useEffect(() => {
        let last = "";
        const show = (/** @type {number} */ time) => {
            const text = clock(time);
            if (text !== last && now.current) now.current.textContent = last = text;
        };
        show(player.time);
        return player.onTime(show);
    }, []);
    return html`<p class="position numbers"><span class="visually-hidden">${t("transcript.time")}</span><b ref=${now}>0:00</b> <span class="muted">/ ${clock(length)}</span></p>`;
}

/** @param {{ desk: Desk }} props */
function Speed({ desk }) {
    const rate = desk.player.rate.value;
    const rates = RATES.includes(rate) ? RATES : [...RATES, rate].sort((one, other) => one - other);
    const format = new Intl.NumberFormat(lang.value, { maximumFractionDigits: 2 });
    return html`<label class="speed">
        <span class="visually-hidden">${t("transcript.speed")}</span>
        <select
            title=${t("transcript.speed")}
            onChange=${(/** @type {Event} */ { currentTarget }) => desk.player.setRate(Number(/** @type {HTMLSelectElement} */ (currentTarget).value))}
        >
            ${rates.map((each) => html`<option value=${each} selected=${each === rate}>${format.format(each)}×</option>`)}
        </select>
    </label>`;
}

/** The reason for missing sound. @param {{ desk: Desk }} props */
function Silent({ desk }) {
    const state = desk.player.state.value;
    if (state === "ready" || state === "loading") return null;
    return html`<p class="silent"><${Icon} name="warning" size=${18} /> <span>${t(`transcript.sound_${state}`)}</span>
        ${state === "unplayable" && html`<a href=${`${desk.player.address}?download=true`} download>${t("transcript.get_recording")}</a>`}
    </p>`;
}

/** The picture of a recording that has one. @param {{ desk: Desk }} props */
export function Picture({ desk }) {
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const media = desk.player.media.value;
    const hasPicture = desk.player.hasPicture.value;
    useLayoutEffect(() => {
        if (media) place.current?.append(media);
    }, [media]);
    return html`<div class="picture" ref=${place} hidden=${!hasPicture} onClick=${() => desk.player.toggle()} onDblClick=${() => void media?.requestFullscreen?.()}></div>`;
}

/** @param {{ desk: Desk }} props */
export function PlayerBar({ desk }) {
    const { player, following } = desk;
    const playing = player.playing.value;
    const ready = player.state.value === "ready";
    const bar = useRef(/** @type {HTMLElement | null} */ (null));
    useLayoutEffect(() => {
        const element = /** @type {HTMLElement} */ (bar.current);
        const root = document.documentElement.style;
        const observer = new ResizeObserver(() => root.setProperty("--bottom", `${element.offsetHeight}px`));
        observer.observe(element);
        return () => {
            observer.disconnect();
            root.removeProperty("--bottom");
        };
    }, []);
    const away = playing && !following.value;
    return html`<div class="player" ref=${bar} role="region" aria-label=${t("transcript.player")}>
        <div class="follow-place">
            ${away &&
            html`<button
                type="button"
                class="follow"
                onClick=${() => {
                    following.value = true;
                    const { place } = desk;
                    if (place) desk.list.reveal(place, "always");
                }}
            >
                <${Icon} name="target" size=${18} /> ${t("transcript.follow")}
            </button>`}
        </div>
        <div class="player-in">
            <${Waveform} desk=${desk} />
            <div class="controls">
                <${Position} desk=${desk} />
                <div class="controls-main">
                    <button type="button" class="quiet icon-only" aria-label=${t("transcript.turn_before")} title=${t("transcript.turn_before")} onClick=${() => desk.moveTurn(-1)}>
                        <${Icon} name="previous" />
                    </button>
                    <button type="button" class="quiet icon-only" aria-label=${t("transcript.back")} title=${t("transcript.back")} onClick=${() => player.skip(-5)}>
                        <${Icon} name="back5" size=${22} />
                    </button>
                    <button type="button" class="play" disabled=${!ready} aria-label=${playing ? t("transcript.pause") : t("transcript.play")} onClick=${() => player.toggle()}>
                        <${Icon} name=${playing ? "pause" : "play"} size=${24} />
                    </button>
                    <button type="button" class="quiet icon-only" aria-label=${t("transcript.forward")} title=${t("transcript.forward")} onClick=${() => player.skip(5)}>
                        <${Icon} name="forward5" size=${22} />
                    </button>
                    <button type="button" class="quiet icon-only" aria-label=${t("transcript.turn_after")} title=${t("transcript.turn_after")} onClick=${() => desk.moveTurn(1)}>
                        <${Icon} name="next" />
                    </button>
                </div>
                <div class="controls-end">
                    <${Speed} desk=${desk} />
                    <button type="button" class="quiet icon-only keys-button" aria-label=${t("transcript.keys")} title=${`${t("transcript.keys")} (?)`} onClick=${() => (desk.dialog.value = "help")}>
                        <${Icon} name="keyboard" />
                    </button>
                </div>
            </div>
            <${Silent} desk=${desk} />
        </div>
    </div>`;
}
