// @ts-check
/** Input of recordings: drop, paste, files, a folder, addresses, the microphone; then options, and the button that starts. */

import { explain } from "../api.js";
import { attempt, catalog, engines, pull, pullOf } from "../catalog.js";
import { chosenModel, fields, misfits } from "../choices.js";
import { html, useEffect, useRef, useSignal } from "../dom.js";
import { addressesIn, isRecording } from "../files.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { canRecord, recording, startRecording } from "../recorder.js";
import { online } from "../store.js";
import { addAddresses, changeItem, chosen, dropItem, tray } from "../tray.js";
import { isOver, take } from "../transfers.js";
import { keepTyped, typed } from "../typed.js";
import { toast } from "../ui.js";
import { sendAddress, sendFiles } from "../uploads.js";
import { Options } from "./options.js";
import { RecorderPanel } from "./recorder.js";
import { Tray } from "./tray.js";

/** Fingers drop nothing. */
const touch = matchMedia("(pointer: coarse)");

/**
 * A button that opens a chooser of files.
 * @param {{ label: string, icon: string, folder?: boolean, primary?: boolean }} props
 */
function Chooser({ label, icon, folder = false, primary = false }) {
    const input = useRef(/** @type {HTMLInputElement | null} */ (null));
    return html`<button type="button" class=${primary ? "primary" : ""} onClick=${() => input.current?.click()}>
            <${Icon} name=${icon} /> ${label}
        </button>
        <input
            ref=${input}
            type="file"
            class="visually-hidden"
            tabindex="-1"
            aria-hidden="true"
            data-chooser=${folder ? "folder" : "files"}
            multiple
            webkitdirectory=${folder || undefined}
            accept=${folder ? undefined : "audio/*,video/*,.opus,.mka,.mkv,.caf,.flac,.amr,.w64,.tta,.wv,.m4b"}
            onChange=${(/** @type {Event} */ event) => {
                const target = /** @type {HTMLInputElement} */ (event.currentTarget);
                const files = [...(target.files ?? [])];
                target.value = "";
                take(folder ? files.filter(isRecording) : files);
            }}
        />`;
}

function AddressForm() {
    const text = useSignal(typed("address"));
    const wrong = useSignal(false);
    const submit = (/** @type {Event} */ event) => {
        event.preventDefault();
        const urls = addressesIn(text.value);
        wrong.value = !urls.length;
        if (!urls.length) return;
        addAddresses(urls);
        text.value = "";
        keepTyped("address", "");
    };
    return html`<form class="address" onSubmit=${submit} novalidate>
        <${Icon} name="link" />
        <label class="visually-hidden" for="address">${t("home.address")}</label>
        <input
            id="address"
            type="url"
            dir="ltr"
            inputmode="url"
            autocomplete="off"
            placeholder=${t("home.address")}
            value=${text.value}
            aria-invalid=${wrong.value ? "true" : undefined}
            aria-describedby=${wrong.value ? "address-wrong" : undefined}
            onInput=${(/** @type {Event} */ event) => {
                text.value = /** @type {HTMLInputElement} */ (event.currentTarget).value;
                keepTyped("address", text.value);
                wrong.value = false;
            }}
        />
        <button type="submit"><${Icon} name="plus" /> <span class="wide">${t("home.address.add")}</span></button>
        ${wrong.value && html`<p class="wrong" id="address-wrong" role="alert">${t("home.address.wrong")}</p>`}
    </form>`;
}

function RecordButton() {
    const able = canRecord();
    const start = async () => {
        try {
            await startRecording(fields);
        } catch (error) {
            const name = error instanceof DOMException ? error.name : "";
            if (name === "NotAllowedError") toast(t("record.denied"), { kind: "bad" });
            else if (name === "NotFoundError") toast(t("record.absent"), { kind: "bad" });
            else await attempt(() => Promise.reject(error));
        }
    };
    return html`<button type="button" onClick=${able ? start : () => toast(t("record.insecure"), { kind: "bad" })}>
        <${Icon} name="mic" /> ${t("home.record")}
    </button>`;
}

/** Sends what is chosen. */
async function start() {
    const [items, values] = [chosen.value, fields()];
    sendFiles(
        items.flatMap((item) => (item.file ? [item.file] : [])),
        values,
    );
    for (const item of items) if (item.file) dropItem(item.id);
    for (const item of items) {
        if (!item.url) continue;
        changeItem(item.id, { error: "" });
        try {
            await sendAddress(item.url, values);
            dropItem(item.id);
        } catch (error) {
            // It stays to be changed or tried again; the others are sent.
            changeItem(item.id, { error: explain(error) });
        }
    }
    // Items left out by hand stay; the others are transcribed already.
    tray.value = tray.value.filter((item) => !item.known);
}

/** The button that starts. A model that is absent is downloaded first, and the recordings wait for it. */
function Start() {
    const busy = useSignal(false);
    const waiting = useSignal(false);
    const go = useRef(/** @type {HTMLButtonElement | null} */ (null));
    useEffect(() => go.current?.focus({ preventScroll: true }), []);
    const [count, model] = [chosen.value.length, chosenModel.value];
    const absent = model?.known && !model.present ? model.known : null;
    const pulling = absent ? pullOf(absent) : undefined;
    const send = async () => {
        busy.value = true;
        await attempt(start);
        busy.value = false;
    };
    useEffect(() => {
        if (!waiting.value) return;
        if (!absent) void send();
        if (!absent || !pulling) waiting.value = false;
    }, [waiting.value, absent, pulling]);
    const submit = async () => {
        const [misfit] = misfits;
        if (misfit) {
            const field = document.querySelector(`[data-option="${CSS.escape(misfit)}"]`);
            if (field instanceof HTMLElement) field.focus();
            return toast(t("options.correct"), { kind: "bad" });
        }
        if (!absent) return send();
        if (pulling || (await attempt(() => pull(absent)))) waiting.value = true;
    };
    const label = waiting.value ? t("home.waits") : absent ? t("home.fetchAndGo") : t("home.go", { count: count || 1 });
    return html`<div class="start">
        <span class="muted">${t("home.chosen", { count })}</span>
        <button
            ref=${go}
            type="button"
            class="primary large"
            disabled=${!count || busy.value || waiting.value || !online.value}
            onClick=${submit}
        >
            ${label}
        </button>
    </div>`;
}

/** The card at the top of the start. */
export function Composer() {
    const filled = tray.value.length > 0;
    return html`<section class=${`composer card${isOver.value ? " composer-over" : ""}`} aria-label=${t("home.title")}>
        ${
            recording.value
                ? html`<${RecorderPanel} />`
                : html`<div class=${filled ? "drop drop-small" : "drop"}>
                      ${
                          !filled &&
                          html`<div class="drop-mark" aria-hidden="true"><${Icon} name="upload" size=${28} /></div>
                              <p class="drop-title">
                                  ${isOver.value ? t("home.release") : t(touch.matches ? "home.add" : "home.drop")}
                              </p>
                              <p class="muted drop-text">${t("home.text")}</p>`
                      }
                      <div class="drop-buttons">
                          <${Chooser}
                              label=${filled ? t("home.more") : t("home.choose")}
                              icon="file"
                              primary=${!filled}
                          />
                          <${Chooser} label=${t("home.folder")} icon="folder" folder />
                          <${RecordButton} />
                      </div>
                      <${AddressForm} />
                  </div>`
        }
        <${Tray} />
        ${catalog.value.loaded && engines.value.asr.length === 0 && html`<p class="notice notice-bad"><${Icon} name="warning" /> ${t("home.engineless")}</p>`}
        <${Options} />
        ${filled && html`<${Start} />`}
    </section>`;
}
