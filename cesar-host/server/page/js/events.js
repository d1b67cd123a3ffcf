// @ts-check
/** Changes of jobs as the server reports them: one stream for the whole page, and one for an open job that runs. */

import { explain, getJson } from "./api.js";
import { dropJob, jobs, listed, online, putJobs, session } from "./store.js";
import { stream } from "./sse.js";
import { t } from "./i18n.js";
import { toast } from "./ui.js";

/** The server sends something every 2 s; after this much silence it is lost. */
const SILENCE_MS = 2800;
/** Jobs that are listed at most; the search finds the others. */
const MOST_JOBS = 2000;

/** @typedef {{ event: string, data: any }} PageEvent */

/** @type {Set<(event: PageEvent) => void>} */
const handlers = new Set();
/** @type {(() => void) | null} */
let close = null;

/**
 * Hears every event of the server but its heartbeats: `ready`, `job`, `removed`, `transcript`, `models`, and `reset` where some were missed.
 * @param {(event: PageEvent) => void} handler
 * @returns {() => void} stop
 */
export function watchAll(handler) {
    handlers.add(handler);
    return () => void handlers.delete(handler);
}

/** @param {PageEvent} event */
function publish(event) {
    for (const handler of handlers) handler(event);
}

/** Lists the jobs of the server, newest first. */
async function listJobs() {
    const before = new Set(jobs.peek().keys());
    let [path, count] = ["/jobs?limit=100", 0];
    for (;;) {
        const page = await getJson(path);
        putJobs(page.jobs);
        for (const job of page.jobs) before.delete(job.id);
        count += page.jobs.length;
        if (!page.next) break;
        if (count >= MOST_JOBS) return void (listed.value = true);
        path = `/jobs?limit=100&after=${encodeURIComponent(page.next)}`;
    }
    // Jobs known before that are not in the list were removed while nothing was heard.
    for (const id of before) dropJob(id);
    listed.value = true;
}

/** Lists the jobs; a failure is shown, unless the server is gone, which is shown already. */
async function listAgain() {
    try {
        await listJobs();
    } catch (error) {
        if (online.peek()) toast(explain(error), { kind: "bad" });
    }
}

/** Opens the stream of the page; called once there is a session. */
export function connect() {
    close?.();
    let [ended, crowded] = [false, false];
    const stop = stream("/events", {
        silence: SILENCE_MS,
        onAlive: (alive) => {
            if (alive) crowded = false;
            const back = alive && !online.value;
            online.value = alive || crowded;
            if (!back) return;
            toast(t("lost.back"), { kind: "good" });
            void listAgain();
        },
        onStatus: (status) => {
            if (status === 401) {
                session.value = { ...session.value, needsKey: true };
                ended = true;
            }
            // The server answers: it has too many pages to tell this one about changes.
            if (status === 429 && !crowded) toast(t("error.too_many_listeners"), { kind: "bad" });
            crowded = status === 429;
            return !ended;
        },
        onMessage: ({ event, data }) => {
            const value = data ? JSON.parse(data) : null;
            if (event === "job") putJobs([value]);
            else if (event === "removed") dropJob(value.id);
            else if (event === "reset") void listAgain();
            if (event !== "heartbeat") publish({ event, data: value });
        },
    });
    close = stop;
    void listAgain();
    return stop;
}

/**
 * Hears the events of one job (`progress`, `segment`, `stage`, `end`, …) until it has ended.
 * @param {string} id
 * @param {(event: PageEvent) => void} handler
 * @returns {() => void} stop
 */
export function watchJob(id, handler) {
    const stop = stream(`/jobs/${encodeURIComponent(id)}/events`, {
        onStatus: (status) => status >= 500,
        onMessage: ({ event, data }) => {
            handler({ event, data: data ? JSON.parse(data) : null });
            if (event === "end") stop();
        },
    });
    return stop;
}
