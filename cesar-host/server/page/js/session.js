// @ts-check
/** The session: whether the server wants a key, and whether this browser has one. */

import { ApiError, getJson, request } from "./api.js";
import { connect } from "./events.js";
import { online, session } from "./store.js";
import { takeUp } from "./uploads.js";

/** Uploads of before a reload are taken up once. */
let takenUp = false;

/** Asks the server about the session, and opens the stream of events when there is one. */
export async function openSession() {
    for (let delay = 400; ; delay = Math.min(delay * 1.5, 3000)) {
        try {
            const { key_required, authenticated, name, version, retention } = await getJson("/session");
            session.value = { needsKey: key_required && !authenticated, keyRequired: key_required, name, version, retention };
            online.value = true;
            if (session.value.needsKey) return;
            connect();
            if (!takenUp) void takeUp();
            takenUp = true;
            return;
        } catch (error) {
            if (error instanceof ApiError && error.status === 401) return;
            online.value = false;
            await new Promise((resume) => setTimeout(resume, delay));
        }
    }
}

/**
 * Gives the server a key; the browser keeps it as a cookie that no script can read.
 * @param {string} key
 */
export async function giveKey(key) {
    await request("POST", "/session", { body: { key } });
    await openSession();
}

/** Forgets the key. */
export async function forgetKey() {
    await request("DELETE", "/session");
    location.reload();
}
