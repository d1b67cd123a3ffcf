// @ts-check
/** A worker that computes the SHA-256 of files, one after the other. */

import { Sha256 } from "./sha256.js";

/** @typedef {{ id: number, file: File }} Order */

/** Bytes that are read at once. */
const PIECE = 4 * 1024 * 1024;

/** The largest file that the browser's own, faster digest gets as a whole; it exists in secure contexts only. */
const WHOLE = 128 * 1024 * 1024;

let last = Promise.resolve();

/** @param {Order} order */
async function hash({ id, file }) {
    try {
        if (globalThis.crypto?.subtle && file.size <= WHOLE) {
            const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
            return postMessage({ id, digest: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") });
        }
        const sha = new Sha256();
        for (let at = 0; at < file.size; at += PIECE) {
            sha.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
            postMessage({ id, share: Math.min(1, (at + PIECE) / file.size) });
        }
        postMessage({ id, digest: sha.digest() });
    } catch (error) {
        postMessage({ id, error: String(error) });
    }
}

addEventListener("message", (/** @type {MessageEvent<Order>} */ event) => {
    last = last.then(() => hash(event.data));
});
