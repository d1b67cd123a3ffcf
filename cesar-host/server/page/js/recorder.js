// @ts-check
/** The microphone: recorded in the browser, sent as it grows. */

import { explain } from "./api.js";
import { signal } from "./dom.js";
import { dateTime } from "./format.js";
import { t } from "./i18n.js";
import { add, change, forget, submit } from "./uploads.js";
import { create, Growing, remove } from "./tus.js";

/**
 * @typedef {object} Recording
 * @property {number} seconds
 * @property {number} level 0 to 1
 * @property {number} sent Bytes on the server.
 * @property {boolean} lost Whether the server does not answer.
 * @property {boolean} paused
 * @property {boolean} ending
 */

/** The recording that runs. @type {import("../vendor/signals-core.js").Signal<Recording | null>} */
export const recording = signal(null);

/** Whether this browser gives pages the microphone: only over HTTPS, or from this machine. */
export const canRecord = () => "mediaDevices" in navigator && "MediaRecorder" in globalThis;

const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

/** @type {{ stop: (keep: boolean) => Promise<void>, pause: () => void } | null} */
let current = null;

/** @param {Partial<Recording>} values */
function update(values) {
    if (recording.value) recording.value = { ...recording.value, ...values };
}

/**
 * Measures the level of a stream 12 times a second.
 * @param {MediaStream} stream
 * @returns {() => void} stop
 */
function meter(stream) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    const timer = setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        // 60 dB are the whole meter.
        const now = Math.max(0, 1 + Math.log10(Math.max(peak, 1e-4)) / 3);
        level = Math.max(now, level * 0.8);
        update({ level: recording.value?.paused ? 0 : level });
    }, 80);
    return () => {
        clearInterval(timer);
        void context.close();
    };
}

/**
 * Starts to record; what is recorded is submitted with the options.
 * @param {() => Record<string, any>} options Called at the end.
 */
export async function startRecording(options) {
    const stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: true },
    });
    const type = TYPES.find((each) => MediaRecorder.isTypeSupported(each)) ?? "";
    const name = `${t("record.name", { when: dateTime(new Date()) })}.${type.includes("mp4") ? "m4a" : type.includes("ogg") ? "ogg" : "webm"}`;
    let path;
    try {
        path = await create({ size: null, name, type: type.split(";")[0] });
    } catch (error) {
        for (const track of stream.getTracks()) track.stop();
        throw error;
    }
    const id = add({ name, path, state: "recording", fields: options() });
    change(id, { path });
    const abort = new AbortController();
    const upload = new Growing(path, {
        signal: abort.signal,
        onProgress: (sent) => (update({ sent }), change(id, { sent })),
        onLost: (lost) => update({ lost }),
    });
    const recorder = new MediaRecorder(stream, { mimeType: type || undefined, audioBitsPerSecond: 96_000 });
    recorder.ondataavailable = ({ data }) => data.size && upload.push(data);
    const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
    let [since, before] = [performance.now(), 0];
    const elapsed = () => before + (recorder.state === "recording" ? performance.now() - since : 0);
    recording.value = { seconds: 0, level: 0, sent: 0, lost: false, paused: false, ending: false };
    const stopMeter = meter(stream);
    const clock = setInterval(() => update({ seconds: elapsed() / 1000 }), 250);
    recorder.start(1000);
    addEventListener("beforeunload", warn);

    const close = () => {
        clearInterval(clock);
        stopMeter();
        for (const track of stream.getTracks()) track.stop();
        removeEventListener("beforeunload", warn);
    };
    const stop = async (/** @type {boolean} */ keep) => {
        current = null;
        if (recorder.state !== "inactive") recorder.stop();
        await ended;
        close();
        update({ ending: true });
        try {
            if (!keep) {
                abort.abort();
                forget(id);
                recording.value = null;
                return await remove(path);
            }
            change(id, { fields: options() });
            await upload.finish();
            change(id, { size: recording.value?.sent ?? null });
            await submit(id);
        } catch (error) {
            if (keep) change(id, { state: "failed", error: explain(error) });
        } finally {
            recording.value = null;
        }
    };
    const pause = () => {
        if (recorder.state === "recording") {
            before = elapsed();
            recorder.pause();
        } else {
            since = performance.now();
            recorder.resume();
        }
        update({ paused: recorder.state === "paused" });
    };
    // A device that is unplugged ends its track: what was recorded until then is kept.
    stream.getAudioTracks()[0]?.addEventListener("ended", () => current && void current.stop(true));
    current = { stop, pause };
}

/** @param {BeforeUnloadEvent} event */
const warn = (event) => event.preventDefault();

/**
 * Ends the recording.
 * @param {boolean} keep Whether to transcribe it, or to throw it away.
 */
export const stopRecording = async (keep) => current?.stop(keep);

/** Pauses the recording, or resumes it. */
export const pauseRecording = () => current?.pause();
