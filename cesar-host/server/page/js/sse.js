// @ts-check
/**
 * Server-sent events over `fetch`. `EventSource` hides comments and status codes: with it neither a silent server nor a missing key
 * can be noticed.
 */

/**
 * @typedef {object} Message
 * @property {string} event
 * @property {string} data
 * @property {string} id
 */

/**
 * Splits a stream into messages.
 * @param {(message: Message) => void} emit
 * @returns {(text: string) => void}
 */
function parser(emit) {
    let [rest, event, id] = ["", "", ""];
    /** @type {string[]} */
    let data = [];
    return (text) => {
        const lines = (rest + text).split(/\r\n|\n|\r/);
        rest = lines.pop() ?? "";
        for (const line of lines) {
            if (line === "") {
                if (data.length) emit({ event: event || "message", data: data.join("\n"), id });
                [event, data] = ["", []];
                continue;
            }
            const colon = line.indexOf(":");
            if (colon === 0) continue;
            const field = colon < 0 ? line : line.slice(0, colon);
            const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
            if (field === "data") data.push(value);
            else if (field === "event") event = value;
            else if (field === "id") id = value;
        }
    };
}

/**
 * Reads a stream until `stop` is called; reconnects with `Last-Event-ID`.
 * @param {string} path
 * @param {{
 *   onMessage: (message: Message) => void,
 *   onAlive?: (alive: boolean) => void,
 *   onStatus?: (status: number) => boolean,
 *   silence?: number,
 * }} handlers `onStatus` answers whether to try again; `silence` is how long, in ms, the server may send nothing.
 * @returns {() => void} stop
 */
export function stream(path, { onMessage, onAlive = () => {}, onStatus = () => true, silence = 0 }) {
    let [last, stopped, delay] = ["", false, 500];
    let abort = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let watchdog;
    const alive = () => {
        delay = 500;
        onAlive(true);
        clearTimeout(watchdog);
        if (silence) watchdog = setTimeout(() => abort.abort(), silence);
    };
    const once = async () => {
        abort = new AbortController();
        if (silence) watchdog = setTimeout(() => abort.abort(), silence);
        const response = await fetch(path, {
            headers: { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) },
            signal: abort.signal,
            cache: "no-store",
        });
        if (!response.ok || !response.body) return onStatus(response.status);
        alive();
        const feed = parser((message) => {
            if (message.id) last = message.id;
            if (!stopped) onMessage(message);
        });
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
            const { done, value } = await reader.read();
            if (done || stopped) return true;
            alive();
            feed(value);
        }
    };
    const run = async () => {
        while (!stopped) {
            let again = true;
            try {
                again = await once();
            } catch {
                // Not reachable, or silent for too long.
            }
            clearTimeout(watchdog);
            if (stopped || !again) return;
            onAlive(false);
            await new Promise((resume) => setTimeout(resume, delay));
            delay = Math.min(delay * 1.5, 1500);
        }
    };
    void run();
    return () => {
        stopped = true;
        clearTimeout(watchdog);
        abort.abort();
    };
}
