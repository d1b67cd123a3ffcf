// @ts-check
/** The transcript of a job: read, heard, corrected and taken home. */

import { explain } from "../api.js";
import { html, useEffect, useRef, useState } from "../dom.js";
import { t } from "../i18n.js";
import { route } from "../router.js";
import { AskName } from "../transcript/ask.js";
import { Desk } from "../transcript/desk.js";
import { ExportDialog } from "../transcript/export.js";
import { FindBar } from "../transcript/findbar.js";
import { HelpDialog } from "../transcript/help.js";
import { HistoryDialog } from "../transcript/history.js";
import { listenToKeys } from "../transcript/keys.js";
import { Rows } from "../transcript/list.js";
import { Menus } from "../transcript/menus.js";
import { Picture, PlayerBar } from "../transcript/playerbar.js";
import { pointing } from "../transcript/pointing.js";
import { ShareDialog } from "../transcript/share.js";
import { SpeakerList, SpeakersDialog } from "../transcript/speakers.js";
import { Head, Tools } from "../transcript/tools.js";

const DIALOGS = { help: HelpDialog, export: ExportDialog, share: ShareDialog, speakers: SpeakersDialog, history: HistoryDialog };

/** The message in the place of the text while there is none. @param {{ desk: Desk }} props */
function Nothing({ desk }) {
    const { state, failure, doc } = desk.model;
    if (state.value === "missing") return html`<p class="nothing">${t("transcript.missing")} <a href="#/library">${t("nav.library")}</a></p>`;
    if (state.value === "failed") {
        return html`<p class="nothing">${explain(failure.value)} <button type="button" onClick=${() => location.reload()}>${t("transcript.again")}</button></p>`;
    }
    if (state.value === "loading") return html`<p class="nothing muted" role="status">${t("transcript.loading")}</p>`;
    if (state.value === "live" && !doc.value.segments.length) return html`<p class="nothing muted">${t("transcript.soon")}</p>`;
    if (state.value === "ready" && !doc.value.segments.length) return html`<p class="nothing muted">${t("transcript.empty")}</p>`;
    return null;
}

/** Announces to screen readers that the text is there. @param {{ desk: Desk }} props */
function Announcer({ desk }) {
    const state = desk.model.state.value;
    const [before, setBefore] = useState("");
    const text = useRef("");
    useEffect(() => {
        if (before === "live" && state === "ready") text.current = t("transcript.complete");
        setBefore(state);
    }, [state]);
    return html`<p class="visually-hidden" role="status" aria-live="polite">${text.current}</p>`;
}

/**
 * @param {{ id: string, time: number | null }} props
 */
export function Transcript({ id, time }) {
    const [desk] = useState(() => new Desk(id));
    const { model, player } = desk;
    const surface = useRef(/** @type {HTMLElement | null} */ (null));
    const doc = model.shown.value;
    const state = model.state.value;
    const offset = doc.provenance?.audio?.offset;
    if (offset !== undefined) player.offset = Number(offset);

    useEffect(() => {
        void model.start();
        void player.start();
        const stopKeys = listenToKeys(desk);
        const stopPointing = pointing(desk, /** @type {HTMLElement} */ (surface.current));
        return () => {
            if (model.typing.peek()) desk.commit();
            stopKeys();
            stopPointing();
            player.stop();
            model.stop();
        };
    }, []);
    useEffect(() => {
        if (time === null || !doc.segments.length) return;
        player.seek(time);
        const { place } = desk;
        if (place) requestAnimationFrame(() => desk.list.reveal(place, "always"));
        // A click on a place of a recording wants to hear it; a page that was just opened may not play.
        if (navigator.userActivation?.hasBeenActive) void player.play();
    }, [time, state === "ready", route.value]);

    const hasText = doc.segments.length > 0;
    const Open = desk.dialog.value ? DIALOGS[desk.dialog.value] : null;
    const panel = hasText && model.speakers.value.length > 0;
    return html`<div class=${`page-text${panel ? " page-text-panel" : ""}`} ref=${surface}>
        <${Head} desk=${desk} />
        <div class="sticky">
            ${hasText && html`<${Tools} desk=${desk} />`}
            ${desk.finding.value && hasText && html`<${FindBar} desk=${desk} />`}
        </div>
        <${Picture} desk=${desk} />
        <div class="desk">
            <div class="text-place">
                <${Nothing} desk=${desk} />
                ${hasText && html`<${Rows} desk=${desk} />`}
                ${state === "live" && hasText && html`<p class="more" aria-hidden="true"><span></span><span></span><span></span></p>`}
            </div>
            ${panel &&
            html`<aside class="side" aria-label=${t("transcript.speakers")}>
                <h2>${t("transcript.speakers")}</h2>
                <${SpeakerList} desk=${desk} />
            </aside>`}
        </div>
        ${state !== "missing" && html`<${PlayerBar} desk=${desk} />`}
        <${Announcer} desk=${desk} />
        <${Menus} desk=${desk} />
        <${AskName} desk=${desk} />
        ${Open && html`<${Open} desk=${desk} />`}
    </div>`;
}
