// @ts-check
/** What the server can do: plugins with their options, and models, present or to be downloaded. */

import { ApiError, explain, getJson, request } from "./api.js";
import { computed, signal } from "./dom.js";
import { watchAll } from "./events.js";
import { t } from "./i18n.js";
import { pulls } from "./store.js";
import { toast } from "./ui.js";

/**
 * @typedef {object} OptionSpec
 * @property {"boolean" | "integer" | "number" | "string" | "integers" | "numbers" | "strings" | "model"} type
 * @property {any} default
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {(string | number)[]} [enum]
 * @property {string} doc
 * @property {string} scope
 */
/**
 * @typedef {object} Plugin
 * @property {string} id
 * @property {string | null} stage
 * @property {string | null} version
 * @property {string | null} description
 * @property {string} state
 * @property {string[] | null} [models]
 * @property {Record<string, OptionSpec>} options
 * @property {string | null} [reason]
 */
/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} plugin
 * @property {string} kind
 * @property {number | null} size
 * @property {boolean} present
 * @property {string[] | null} [languages]
 * @property {string | null} [license]
 */

/** @type {import("../vendor/signals-core.js").Signal<{ plugins: Plugin[], models: Model[], glossaries: string[], loaded: boolean }>} */
export const catalog = signal({ plugins: [], models: [], glossaries: [], loaded: false });

/** Plugins that can be used, by stage. */
export const engines = computed(() => ({
    asr: catalog.value.plugins.filter((plugin) => plugin.state === "ready" && plugin.stage === "asr"),
    diarize: catalog.value.plugins.filter((plugin) => plugin.state === "ready" && plugin.stage === "diarize"),
}));

/**
 * A list of the server that may not exist there.
 * @param {string} path
 */
const optional = (path) =>
    getJson(path).catch((error) => {
        if (error instanceof ApiError && (error.status === 404 || error.status === 405)) return {};
        throw error;
    });

/** Loads plugins, models and glossaries. */
export async function loadCatalog() {
    const [plugins, models, glossaries] = await Promise.all([
        getJson("/plugins"),
        optional("/models"),
        optional("/glossaries"),
    ]);
    catalog.value = {
        plugins: plugins.plugins,
        models: models.models ?? [],
        glossaries: (glossaries.glossaries ?? []).map((/** @type {any} */ each) => each.name ?? each),
        loaded: true,
    };
}

/**
 * The key of a model in `pulls`.
 * @param {{ name: string }} model
 */
export const pullOf = (model) => pulls.value[model.name];

/**
 * Downloads a model; resolves when it is there or the download was started, progress comes with the events.
 * @param {Model} model
 */
export async function pull(model) {
    pulls.value = { ...pulls.value, [model.name]: { name: model.name, state: "running", done: 0, total: model.size } };
    try {
        await request("POST", `/models/${encodeURIComponent(model.name)}/pull`);
    } catch (error) {
        forgetPull(model.name);
        throw error;
    }
}

/**
 * Stops the download of a model.
 * @param {Model} model
 */
export async function cancelPull(model) {
    await request("DELETE", `/models/${encodeURIComponent(model.name)}/pull`);
    forgetPull(model.name);
}

/** @param {string} name */
function forgetPull(name) {
    const { [name]: _, ...rest } = pulls.value;
    pulls.value = rest;
}

watchAll(({ event, data }) => {
    if (event !== "models") return;
    if (data.state === "done") {
        toast(t("models.fetched", { name: data.name }), { kind: "good" });
        // The model is in the list before its download is forgotten, so that what waits for it sees no gap.
        void loadCatalog()
            .catch(() => {})
            .then(() => forgetPull(data.name));
    } else if (data.state === "failed") {
        forgetPull(data.name);
        toast(t("models.failed", { name: data.name, reason: data.error ?? "" }), { kind: "bad" });
    } else if (data.state === "cancelled") forgetPull(data.name);
});

/**
 * Runs work whose failure is shown as a notice.
 * @param {() => Promise<unknown>} work
 */
export async function attempt(work) {
    try {
        await work();
        return true;
    } catch (error) {
        if (!(error instanceof DOMException && error.name === "AbortError")) toast(explain(error), { kind: "bad" });
        return false;
    }
}
