// @ts-check
/** Requests to the server. Every failure is an `ApiError`, also a server that does not answer. */

import { session } from "./store.js";
import { has, t } from "./i18n.js";

/** A refusal of the server, or a failure to reach it (status 0, code `unreachable`). */
export class ApiError extends Error {
    /**
     * @param {number} status
     * @param {string} code
     * @param {string} title
     * @param {string} detail
     * @param {Record<string, any>} [problem] The whole body.
     */
    constructor(status, code, title, detail, problem = {}) {
        super(detail || title || code);
        this.name = "ApiError";
        this.status = status;
        this.code = code;
        this.title = title;
        this.detail = detail;
        this.problem = problem;
    }
}

/**
 * Whether a request did not reach the server: it, or what is between it and the browser, is away.
 * @param {unknown} error
 */
export const isUnreached = (error) => error instanceof ApiError && [0, 502, 504].includes(error.status);

/**
 * One sentence about a failure, in the language of the page where there is one.
 * @param {unknown} error
 * @returns {string}
 */
export function explain(error) {
    if (error instanceof DOMException && error.name === "NotReadableError") return t("error.unreadable");
    if (error instanceof DOMException && error.name === "NotFoundError") return t("error.unreadable");
    if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
    if (has(`error.${error.code}`)) return t(`error.${error.code}`);
    return error.detail || error.title || t("error.unknown");
}

/**
 * The failure that a response reports.
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function failureOf(response) {
    /** @type {Record<string, any>} */
    let problem = {};
    try {
        problem = await response.json();
    } catch {
        // A proxy or an interrupted answer: the status says enough.
    }
    if (response.status === 401) session.value = { ...session.value, needsKey: true };
    return new ApiError(
        response.status,
        String(problem.code ?? `http_${response.status}`),
        String(problem.title ?? response.statusText),
        String(problem.detail ?? ""),
        problem,
    );
}

/**
 * Sends a request; a plain object as `body` is sent as JSON.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: BodyInit | Record<string, any> | null, headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<Response>}
 */
export async function request(method, path, { body, headers = {}, signal } = {}) {
    const plain = body !== null && typeof body === "object" && Object.getPrototypeOf(body) === Object.prototype;
    let response;
    try {
        response = await fetch(path, {
            method,
            body: plain ? JSON.stringify(body) : /** @type {BodyInit | null | undefined} */ (body),
            headers: plain ? { "Content-Type": "application/json", ...headers } : headers,
            signal,
            credentials: "same-origin",
        });
    } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") throw error;
        throw new ApiError(0, "unreachable", "", "");
    }
    if (!response.ok && response.status !== 304) throw await failureOf(response);
    return response;
}

/**
 * The JSON at a path.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const getJson = async (path, signal) => (await request("GET", path, { signal })).json();

/**
 * Sends JSON; answers the JSON that comes back, or `null`.
 * @param {string} method
 * @param {string} path
 * @param {any} value
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function sendJson(method, path, value, headers = {}) {
    const response = await request(method, path, {
        body: JSON.stringify(value),
        headers: { "Content-Type": "application/json", ...headers },
    });
    const text = await response.text();
    return text ? JSON.parse(text) : null;
}
