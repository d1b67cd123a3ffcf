// @ts-check
/** The sound of the recording: a media element, what plays, and listeners of its clock. */

import { isUnreached, request } from "../api.js";
import { signal } from "../dom.js";
import { setSettings, settings } from "../store.js";

export const RATES = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2];

/** @typedef {"loading" | "ready" | "gone" | "unplayable" | "failed"} SoundState */

export class Player {
    /** @type {import("../../vendor/signals-core.js").Signal<SoundState>} */
    state = signal(/** @type {SoundState} */ ("loading"));
    playing = signal(false);
    duration = signal(0);
    hasPicture = signal(false);
    rate = signal(Number(settings.peek().player.rate) || 1);
    /** The media element, once the kind of the recording is known. @type {import("../../vendor/signals-core.js").Signal<HTMLMediaElement | null>} */
    media = signal(/** @type {HTMLMediaElement | null} */ (null));
    /** Start of the transcribed part in the recording. */
    offset = 0;
    /** @type {Set<(time: number) => void>} */
    #listeners = new Set();
    #frame = 0;
    #until = Infinity;
    #abort = new AbortController();
    /** A position to take once the recording is there. @type {number | null} */
    #wanted = null;
    /** Whether to play once the recording is there. */
    #plays = false;

    /**
     * @param {string} address
     * @param {() => boolean} isComing Whether a recording that is absent may still come, because its job runs.
     */
    constructor(address, isComing) {
        this.address = address;
        this.isComing = isComing;
    }

    async start() {
        let type = "";
        try {
            const response = await request("HEAD", this.address, { signal: this.#abort.signal });
            type = response.headers.get("Content-Type") ?? "";
        } catch (error) {
            const status = /** @type {{ status?: number }} */ (error).status;
            const isLate = !status || status >= 500 || (status === 404 && this.isComing());
            if (!isLate) this.state.value = status === 404 ? "gone" : "failed";
            else if (!this.#abort.signal.aborted) setTimeout(() => void this.start(), 2000);
            return;
        }
        const media = document.createElement(type.startsWith("video/") ? "video" : "audio");
        media.preload = "metadata";
        media.playbackRate = this.rate.peek();
        media.preservesPitch = true;
        if (media instanceof HTMLVideoElement) media.playsInline = true;
        const { signal: stopped } = this.#abort;
        const on = (/** @type {string} */ name, /** @type {() => void} */ run) => media.addEventListener(name, run, { signal: stopped });
        on("loadedmetadata", () => {
            this.duration.value = Number.isFinite(media.duration) ? media.duration : 0;
            this.hasPicture.value = media instanceof HTMLVideoElement && media.videoWidth > 0;
            this.state.value = "ready";
            if (this.#wanted !== null) this.seek(this.#wanted);
            media.playbackRate = this.rate.peek();
            if (this.#plays) void media.play().catch(() => {});
            this.#plays = false;
        });
        on("durationchange", () => {
            if (Number.isFinite(media.duration)) this.duration.value = media.duration;
        });
        on("play", () => {
            this.playing.value = true;
            this.#run();
        });
        on("pause", () => (this.playing.value = false));
        on("seeking", () => this.#tick());
        on("timeupdate", () => this.#tick());
        on("error", () => {
            const code = media.error?.code;
            if (code !== MediaError.MEDIA_ERR_ABORTED) void this.#recover(media, code === MediaError.MEDIA_ERR_NETWORK);
        });
        media.src = this.address;
        this.media.value = media;
    }

    /**
     * Takes up where it was, once the server answers.
     * @param {HTMLMediaElement} media
     * @param {boolean} isLost Whether the connection was lost; browsers report a server that is away as a recording that cannot be played.
     */
    async #recover(media, isLost) {
        this.#wanted = this.time;
        // Loading it again pauses it without an event.
        [this.#plays, this.playing.value] = [this.#plays || this.playing.peek(), false];
        this.state.value = "loading";
        for (;;) {
            if (isLost) await new Promise((resume) => setTimeout(resume, 1500));
            if (this.#abort.signal.aborted) return;
            try {
                await request("HEAD", this.address, { signal: this.#abort.signal });
                if (isLost) media.load();
                else this.state.value = "unplayable";
                return;
            } catch (error) {
                if (this.#abort.signal.aborted) return;
                const { status = 0 } = /** @type {{ status?: number }} */ (error);
                if (!isUnreached(error) && status < 500) return void (this.state.value = status === 404 ? "gone" : "failed");
                isLost = true;
            }
        }
    }

    stop() {
        this.#abort.abort();
        cancelAnimationFrame(this.#frame);
        const media = this.media.peek();
        if (!media) return;
        media.pause();
        media.removeAttribute("src");
        media.load();
        media.remove();
    }

    /** Calls back at each frame while it plays, and after a seek. @param {(time: number) => void} listener */
    onTime(listener) {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
    }

    #run() {
        cancelAnimationFrame(this.#frame);
        const step = () => {
            this.#tick();
            if (this.playing.peek()) this.#frame = requestAnimationFrame(step);
        };
        step();
    }

    #tick() {
        const { time } = this;
        if (time >= this.#until) {
            this.#until = Infinity;
            this.pause();
        }
        for (const listener of this.#listeners) listener(time);
    }

    /** The position in the transcript, in seconds. */
    get time() {
        if (this.#wanted !== null) return this.#wanted;
        return Math.max(0, (this.media.peek()?.currentTime ?? 0) - this.offset);
    }

    /** @param {number} time */
    seek(time) {
        const media = this.media.peek();
        this.#until = Infinity;
        const last = this.duration.peek() ? Math.max(0, this.duration.peek() - this.offset) : Infinity;
        const at = Math.min(Math.max(0, time), last);
        if (!media || this.state.peek() !== "ready") this.#wanted = at;
        else {
            this.#wanted = null;
            media.currentTime = at + this.offset;
        }
        for (const listener of this.#listeners) listener(at);
    }

    /** @param {number} seconds */
    skip(seconds) {
        this.seek(this.time + seconds);
    }

    async play() {
        this.#until = Infinity;
        this.#plays = this.state.peek() === "loading";
        if (this.#plays) return;
        try {
            await this.media.peek()?.play();
        } catch {
            // The browser wants a gesture first, or there is no sound: the controls show that it does not play.
        }
    }

    pause() {
        this.#plays = false;
        this.media.peek()?.pause();
    }

    toggle() {
        if (this.playing.peek()) this.pause();
        else void this.play();
    }

    /** Plays a part. @param {number} start @param {number} end */
    async sample(start, end) {
        this.seek(start);
        await this.play();
        this.#until = end;
    }

    /** @param {number} rate */
    setRate(rate) {
        this.rate.value = rate;
        const media = this.media.peek();
        if (media) media.playbackRate = rate;
        setSettings({ player: { ...settings.peek().player, rate } });
    }

    /** @param {1 | -1} step */
    stepRate(step) {
        const rate = this.rate.peek();
        const next = step > 0 ? RATES.find((other) => other > rate + 1e-6) : RATES.findLast((other) => other < rate - 1e-6);
        if (next) this.setRate(next);
    }
}
