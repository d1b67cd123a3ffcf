// @ts-check
/** SHA-256 of files, computed beside the page. */

/** @type {Worker | null} */
let worker = null;
let next = 0;

/**
 * The SHA-256 of a file in hexadecimal.
 * @param {File} file
 * @returns {Promise<string>}
 */
export function digestOf(file) {
    worker ??= new Worker("/page/js/hash-worker.js", { type: "module" });
    const target = worker;
    const id = (next += 1);
    return new Promise((resolve, reject) => {
        const hear = (/** @type {MessageEvent} */ { data }) => {
            if (data.id !== id || data.share !== undefined) return;
            target.removeEventListener("message", hear);
            if (data.digest) resolve(data.digest);
            else reject(new Error(data.error));
        };
        target.addEventListener("message", hear);
        target.addEventListener("error", () => reject(new Error("the worker failed")), { once: true });
        target.postMessage({ id, file });
    });
}
