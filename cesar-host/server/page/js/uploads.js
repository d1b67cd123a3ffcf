// @ts-check
/**
 * Recordings on their way to the server. Each is known by its upload, which the browser remembers: after a reload, complete ones are
 * submitted, and the others wait for their file to be chosen again.
 */

import { explain, isUnreached, request, sendJson } from "./api.js";
import { signal } from "./dom.js";
import { fingerprint } from "./files.js";
import { putJobs, recall, remember } from "./store.js";
import { create, offsetOf, remove, send } from "./tus.js";

/**
 * @typedef {object} Transfer
 * @property {number} id
 * @property {string} name
 * @property {number | null} size `null` while it is being recorded
 * @property {string} mark The fingerprint of the file; empty for a recording of the microphone.
 * @property {string | null} path The upload on the server.
 * @property {number} sent
 * @property {"waiting" | "sending" | "lost" | "submitting" | "recording" | "absent" | "failed"} state
 * @property {string} error
 * @property {Record<string, any>} fields Options of the transcription.
 */

/** Uploads at one time. */
const PARALLEL = 2;

/** @type {import("../vendor/signals-core.js").Signal<Transfer[]>} */
export const transfers = signal([]);

/** @type {Map<number, { file: File | null, abort: AbortController }>} */
const running = new Map();
let last = 0;

function save() {
    const kept = transfers.value.filter((each) => each.path);
    remember("uploads", kept.length ? kept.map(({ error: _, ...each }) => each) : undefined);
}

/**
 * @param {number} id
 * @param {Partial<Transfer>} values
 */
export function change(id, values) {
    const before = transfers.value.find((each) => each.id === id);
    transfers.value = transfers.value.map((each) => (each.id === id ? { ...each, ...values } : each));
    if (before && ("path" in values || "size" in values || (values.state && values.state !== before.state))) save();
}

/** @param {number} id */
export function forget(id) {
    running.get(id)?.abort.abort();
    running.delete(id);
    transfers.value = transfers.value.filter((each) => each.id !== id);
    save();
}

/**
 * Adds a transfer.
 * @param {Partial<Transfer> & { name: string }} values
 * @returns {number} its id
 */
export function add(values) {
    last += 1;
    transfers.value = [
        ...transfers.value,
        { id: last, size: null, mark: "", path: null, sent: 0, state: "waiting", error: "", fields: {}, ...values },
    ];
    return last;
}

/**
 * Sends files, and submits each with the options when it is there.
 * @param {File[]} files
 * @param {Record<string, any>} fields
 */
export function sendFiles(files, fields) {
    for (const file of files) {
        const mark = fingerprint(file);
        const before = transfers.value.find((each) => each.mark === mark && each.state === "absent");
        const id = before?.id ?? add({ name: file.name, size: file.size, mark });
        change(id, { state: "waiting", fields });
        running.set(id, { file, abort: new AbortController() });
    }
    pump();
}

/**
 * Resumes an upload from the time before a reload.
 * @param {Transfer} transfer
 * @param {File} file
 * @returns {boolean} whether it is the same file
 */
export function resume(transfer, file) {
    if (fingerprint(file) !== transfer.mark) return false;
    change(transfer.id, { state: "waiting" });
    running.set(transfer.id, { file, abort: new AbortController() });
    pump();
    return true;
}

/**
 * Repeats a request of a transfer until it reaches the server, or the transfer is discarded.
 * @template T
 * @param {number} id
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function reach(id, work) {
    for (let delay = 500; ; delay = Math.min(delay * 2, 5000)) {
        try {
            return await work();
        } catch (error) {
            if (!isUnreached(error)) throw error;
            change(id, { state: "lost" });
            await new Promise((resume) => setTimeout(resume, delay));
            if (!transfers.value.some((each) => each.id === id)) throw error;
        }
    }
}

function pump() {
    const busy = transfers.value.filter((each) => ["sending", "lost", "submitting"].includes(each.state)).length;
    const ready = transfers.value.filter((each) => each.state === "waiting" && running.has(each.id));
    for (const transfer of ready.slice(0, Math.max(0, PARALLEL - busy))) void transport(transfer.id);
}

/** @param {number} id */
async function transport(id) {
    const work = running.get(id);
    const transfer = transfers.value.find((each) => each.id === id);
    if (!work?.file || !transfer) return;
    const { file, abort } = work;
    change(id, { state: "sending", error: "" });
    try {
        const path = transfer.path ?? (await reach(id, () => create({ size: file.size, name: file.name, type: file.type })));
        change(id, { path });
        await send(path, file, {
            signal: abort.signal,
            onProgress: (sent) => change(id, { sent }),
            onLost: (lost) => change(id, { state: lost ? "lost" : "sending" }),
        });
        await submit(id);
    } catch (error) {
        if (abort.signal.aborted) return;
        change(id, { state: "failed", error: explain(error) });
    } finally {
        pump();
    }
}

/**
 * Queues an upload that is complete. The key makes a repetition after a lost answer safe.
 * @param {number} id
 */
export async function submit(id) {
    const transfer = transfers.value.find((each) => each.id === id);
    if (!transfer?.path) return;
    const upload = transfer.path.split("/").pop() ?? "";
    const job = await reach(id, () => {
        change(id, { state: "submitting" });
        return sendJson("POST", "/transcribe", { ...transfer.fields, upload }, { "Idempotency-Key": `page-${upload}` });
    });
    putJobs([job]);
    forget(id);
}

/**
 * Queues recordings to be downloaded by the server.
 * @param {string} url
 * @param {Record<string, any>} fields
 */
export async function sendAddress(url, fields) {
    putJobs([await sendJson("POST", "/transcribe/url", { ...fields, url })]);
}

/**
 * Tries again what failed.
 * @param {Transfer} transfer
 */
export async function retry(transfer) {
    const work = running.get(transfer.id);
    if (work?.file) {
        running.set(transfer.id, { ...work, abort: new AbortController() });
        change(transfer.id, { state: "waiting", error: "" });
        pump();
        return;
    }
    await settle(transfer);
}

/**
 * Cancels, and removes the bytes from the server.
 * @param {Transfer} transfer
 */
export async function discard(transfer) {
    forget(transfer.id);
    pump();
    if (transfer.path) await remove(transfer.path).catch(() => {});
}

/**
 * Looks for an upload of before a reload: complete ones are submitted, and so is what was recorded.
 * @param {Transfer} transfer
 */
async function settle(transfer) {
    const { path } = transfer;
    if (!path) return forget(transfer.id);
    try {
        const sent = await reach(transfer.id, () => offsetOf(path));
        if (transfer.size === sent) return await submit(transfer.id);
        change(transfer.id, { sent, state: "absent", error: "" });
    } catch (error) {
        const gone = error instanceof Error && "status" in error && [404, 410].includes(Number(error.status));
        if (gone) forget(transfer.id);
        else change(transfer.id, { state: "failed", error: explain(error) });
    }
}

/**
 * Ends a recording that a reload interrupted, and submits what the server has of it.
 * @param {Transfer} transfer
 */
export async function submitPart(transfer) {
    try {
        await reach(transfer.id, () =>
            request("PATCH", transfer.path ?? "", {
                headers: {
                    "Tus-Resumable": "1.0.0",
                    "Content-Type": "application/offset+octet-stream",
                    "Upload-Offset": String(transfer.sent),
                    "Upload-Length": String(transfer.sent),
                },
                body: new Blob([]),
            }),
        );
        change(transfer.id, { size: transfer.sent });
        await submit(transfer.id);
    } catch (error) {
        change(transfer.id, { state: "failed", error: explain(error) });
    }
}

/** Takes up the uploads that the browser remembers. */
export async function takeUp() {
    /** @type {Transfer[]} */
    const kept = recall("uploads", []);
    for (const { id: _, ...each } of kept) add({ ...each, state: "absent", error: "" });
    save();
    await Promise.all(transfers.value.filter((each) => !running.has(each.id)).map(settle));
}
