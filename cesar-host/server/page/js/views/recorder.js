// @ts-check
/** The recording that runs: time, level, and what is on the server. */

import { html } from "../dom.js";
import { bytes, clock } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { pauseRecording, recording, stopRecording } from "../recorder.js";
import { confirm } from "../ui.js";

/** Bars of the meter. */
const BARS = 32;

export function RecorderPanel() {
    const now = recording.value;
    if (!now) return null;
    const lit = Math.round(now.level * BARS);
    const state = now.ending
        ? t("record.ending")
        : now.paused
          ? t("record.paused")
          : now.lost
            ? t("record.lost")
            : t("record.running");
    const discard = async () => {
        if (await confirm(t("record.discard.sure"), { yes: t("record.discard") })) await stopRecording(false);
    };
    return html`<div class="recorder">
        <p class="recorder-state" role="status">
            <span class=${now.paused || now.ending ? "rec-dot" : "rec-dot rec-live"} aria-hidden="true"></span> ${state}
        </p>
        <p class="recorder-time numbers" role="timer" aria-label=${t("record.time")}>${clock(now.seconds)}</p>
        <div
            class="meter"
            role="meter"
            aria-label=${t("record.level")}
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=${Math.round(now.level * 100)}
        >
            ${Array.from({ length: BARS }, (_, i) => html`<span class=${i < lit ? (i > BARS * 0.92 ? "hot" : "lit") : ""}></span>`)}
        </div>
        <p class="muted small">${t("record.sent", { size: bytes(now.sent) })}</p>
        <div class="drop-buttons">
            <button type="button" class="primary" disabled=${now.ending} onClick=${() => stopRecording(true)}>
                <${Icon} name="stop" /> ${t("record.stop")}
            </button>
            <button type="button" disabled=${now.ending} onClick=${pauseRecording}>
                <${Icon} name=${now.paused ? "mic" : "pause"} /> ${now.paused ? t("record.resume") : t("record.pause")}
            </button>
            <button type="button" class="quiet" disabled=${now.ending} onClick=${discard}>
                ${t("record.discard")}
            </button>
        </div>
    </div>`;
}
