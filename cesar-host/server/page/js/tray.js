// @ts-check
/** Choices that are not sent: files and addresses, with what the server knows of them. */

import { getJson } from "./api.js";
import { computed, signal } from "./dom.js";
import { digestOf } from "./digest.js";
import { fingerprint, kindOf } from "./files.js";
import { hasTranscript, isActive } from "./store.js";

/**
 * @typedef {object} Item
 * @property {number} id
 * @property {string} name
 * @property {File | null} file
 * @property {string} url
 * @property {"audio" | "video" | "other" | "address"} kind
 * @property {boolean} checking
 * @property {import("./store.js").Job | null} known A job of the same bytes.
 * @property {boolean} chosen
 * @property {string} [error] Why the server has refused it.
 */

/** @type {import("../vendor/signals-core.js").Signal<Item[]>} */
export const tray = signal([]);

/** The items that will be sent. */
export const chosen = computed(() => tray.value.filter((item) => item.chosen));

let last = 0;

/**
 * @param {number} id
 * @param {Partial<Item>} values
 */
export function changeItem(id, values) {
    tray.value = tray.value.map((item) => (item.id === id ? { ...item, ...values } : item));
}

/** @param {number} id */
export function dropItem(id) {
    tray.value = tray.value.filter((item) => item.id !== id);
}

/** Whether a job is about all of its recording. @param {import("./store.js").Job} job */
const isWhole = ({ request }) => request.start_time == null && request.end_time == null;

/** @param {Item} item */
async function check(item) {
    if (!item.file) return;
    try {
        const digest = await digestOf(item.file);
        const { jobs: found } = await getJson(`/jobs?recording=${digest}&limit=20`);
        const jobs = found.filter(isWhole);
        const known = jobs.find(hasTranscript) ?? jobs.find(isActive) ?? null;
        changeItem(item.id, { checking: false, known, ...(known ? { chosen: false } : {}) });
    } catch {
        // The check is a service: without it, the recording can be sent all the same.
        changeItem(item.id, { checking: false });
    }
}

/**
 * Puts files into the tray, each once.
 * @param {File[]} files
 */
export function addFiles(files) {
    const marks = new Set(tray.value.flatMap((item) => (item.file ? [fingerprint(item.file)] : [])));
    const added = files
        .filter((file) => !marks.has(fingerprint(file)))
        .map((file) => {
            const kind = kindOf(file);
            return {
                id: (last += 1),
                name: file.name,
                file,
                url: "",
                kind,
                checking: true,
                known: null,
                chosen: file.size > 0,
            };
        });
    tray.value = [...tray.value, ...added];
    for (const item of added) void check(item);
}

/**
 * Puts addresses into the tray, each once.
 * @param {string[]} urls
 */
export function addAddresses(urls) {
    const known = new Set(tray.value.map((item) => item.url));
    const added = urls
        .filter((url) => !known.has(url))
        .map(
            (url) =>
                /** @type {Item} */ ({
                    id: (last += 1),
                    name: url,
                    file: null,
                    url,
                    kind: "address",
                    checking: false,
                    known: null,
                    chosen: true,
                }),
        );
    tray.value = [...tray.value, ...added];
}
