// @ts-check
/** Resumable uploads (tus 1.0): bytes that the server has acknowledged are not sent again. */

import { ApiError, request } from "./api.js";
import { session } from "./store.js";

const VERSION = { "Tus-Resumable": "1.0.0" };

/** Bytes of one request; the offset is durable after each. */
const PIECE = 8 * 1024 * 1024;

/** @param {string} text */
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/**
 * Creates an upload; without a size it grows until `finish`.
 * @param {{ size: number | null, name: string, type: string }} of
 * @returns {Promise<string>} its path
 */
export async function create({ size, name, type }) {
    const response = await request("POST", "/uploads", {
        headers: {
            ...VERSION,
            ...(size === null ? { "Upload-Defer-Length": "1" } : { "Upload-Length": String(size) }),
            "Upload-Metadata": `filename ${base64(name)},filetype ${base64(type || "application/octet-stream")}`,
        },
    });
    const path = new URL(response.headers.get("Location") ?? "", location.href).pathname;
    return path;
}

/**
 * The number of bytes that the server has.
 * @param {string} path
 * @returns {Promise<number>}
 */
export async function offsetOf(path) {
    const response = await request("HEAD", path, { headers: VERSION });
    return Number(response.headers.get("Upload-Offset"));
}

/**
 * Removes an upload; one that the server no longer has is no failure.
 * @param {string} path
 */
export async function remove(path) {
    try {
        await request("DELETE", path, { headers: VERSION });
    } catch (error) {
        if (!(error instanceof ApiError) || ![404, 410].includes(error.status)) throw error;
    }
}

/**
 * Sends bytes from an offset; answers the new offset. `fetch` reports no progress of what it sends, `XMLHttpRequest` does.
 * @param {string} path
 * @param {number} offset
 * @param {Blob} body
 * @param {{ length?: number, onProgress?: (sent: number) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<number>}
 */
function patch(path, offset, body, { length, onProgress, signal } = {}) {
    return new Promise((resolve, reject) => {
        if (signal?.aborted) return void reject(signal.reason);
        const xhr = new XMLHttpRequest();
        const cancel = () => xhr.abort();
        const lost = () => reject(new ApiError(0, "unreachable", "", ""));
        xhr.open("PATCH", path);
        xhr.setRequestHeader("Tus-Resumable", "1.0.0");
        xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
        xhr.setRequestHeader("Upload-Offset", String(offset));
        if (length !== undefined) xhr.setRequestHeader("Upload-Length", String(length));
        xhr.upload.onprogress = (event) => onProgress?.(offset + event.loaded);
        xhr.onerror = lost;
        xhr.onabort = () => reject(signal?.reason ?? new DOMException("cancelled", "AbortError"));
        xhr.onload = () => {
            if (xhr.status === 204) return resolve(Number(xhr.getResponseHeader("Upload-Offset")));
            if (xhr.status === 401) session.value = { ...session.value, needsKey: true };
            let problem;
            try {
                problem = JSON.parse(xhr.responseText);
            } catch {
                problem = {};
            }
            const code = problem.code ?? `http_${xhr.status}`;
            reject(new ApiError(xhr.status, code, problem.title ?? xhr.statusText, problem.detail ?? "", problem));
        };
        xhr.onloadend = () => signal?.removeEventListener("abort", cancel);
        signal?.addEventListener("abort", cancel);
        xhr.send(body);
    });
}

/**
 * Whether another try may succeed: the server was not reached, is busy, or has another offset.
 * @param {unknown} error
 */
const isTransient = (error) =>
    error instanceof ApiError &&
    (error.status === 0 || error.status >= 500 || [401, 408, 409, 423, 429].includes(error.status));

/**
 * Waits; ends early when the signal is aborted.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
const pause = (ms, signal) =>
    new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
    });

/**
 * Sends the rest of a file, and resumes after lost connections until it is there or the signal is aborted.
 * @param {string} path
 * @param {Blob} file
 * @param {{ signal: AbortSignal, onProgress: (sent: number) => void, onLost: (lost: boolean) => void }} options
 */
export async function send(path, file, { signal, onProgress, onLost }) {
    let [offset, delay] = [-1, 500];
    for (;;) {
        try {
            if (offset < 0) offset = await offsetOf(path);
            onLost(false);
            onProgress(offset);
            while (offset < file.size) {
                offset = await patch(path, offset, file.slice(offset, offset + PIECE), { onProgress, signal });
                onProgress(offset);
                delay = 500;
            }
            return;
        } catch (error) {
            if (!isTransient(error)) throw error;
            // A file that was changed or removed meanwhile looks like a lost connection.
            await file.slice(0, 1).arrayBuffer();
            offset = -1;
            onLost(true);
            await pause(delay, signal);
            delay = Math.min(delay * 2, 5000);
        }
    }
}

/** An upload whose length is known only at its end, such as a recording of the microphone. */
export class Growing {
    /** Bytes that the server has not acknowledged, from `#offset` on. @type {Blob[]} */
    #pending = [];
    #offset = 0;
    #ended = false;
    /** @type {Promise<void> | null} */
    #work = null;

    /**
     * @param {string} path
     * @param {{ onProgress: (sent: number) => void, onLost: (lost: boolean) => void, signal: AbortSignal }} options
     */
    constructor(path, options) {
        this.path = path;
        this.options = options;
    }

    /** @param {Blob} piece */
    push(piece) {
        this.#pending.push(piece);
        this.#work ??= this.#drain();
        this.#work.catch(() => {});
    }

    /** Sends what is left, and the length. @returns {Promise<void>} */
    async finish() {
        await this.#work;
        this.#ended = true;
        await this.#drain();
    }

    async #drain() {
        const { onProgress, onLost, signal } = this.options;
        let [delay, done] = [500, false];
        while (this.#pending.length || (this.#ended && !done)) {
            const count = this.#pending.length;
            const body = new Blob(this.#pending);
            const before = this.#offset;
            try {
                const length = this.#ended ? before + body.size : undefined;
                this.#offset = await patch(this.path, before, body, { length, signal });
                done = this.#ended;
                delay = 500;
                onLost(false);
            } catch (error) {
                if (!isTransient(error)) throw error;
                onLost(true);
                await pause(delay, signal);
                delay = Math.min(delay * 2, 5000);
                this.#offset = await offsetOf(this.path).catch(() => before);
            }
            const rest = body.slice(this.#offset - before);
            this.#pending = [...(rest.size ? [rest] : []), ...this.#pending.slice(count)];
            onProgress(this.#offset);
        }
        this.#work = null;
    }
}
