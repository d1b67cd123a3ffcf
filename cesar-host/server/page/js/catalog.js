// @ts-check
/** Abilities of the server: plugins with their options, and models, present or to be downloaded. */

import { explain, getJson, request } from "./api.js";
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
 * @property {string} id
 * @property {string} name
 * @property {string | null} plugin
 * @property {string | null} kind
 * @property {number | null} size
 * @property {boolean} present
 * @property {string[] | null} [languages]
 * @property {string | null} [license]
 * @property {Pull | null} [pull] A download that runs or has failed.
 */
/**
 * @typedef {object} Pull
 * @property {string | null} [what]
 * @property {number} done
 * @property {number | null} total
 * @property {string | null} [error]
 */

/** @type {import("../vendor/signals-core.js").Signal<{ plugins: Plugin[], defaultModel: string, models: Model[], glossaries: string[], loaded: boolean }>} */
export const catalog = signal({ plugins: [], defaultModel: "", models: [], glossaries: [], loaded: false });

/** Plugins that can be used, by stage. */
export const engines = computed(() => ({
    asr: catalog.value.plugins.filter((plugin) => plugin.state === "ready" && plugin.stage === "asr"),
    diarize: catalog.value.plugins.filter((plugin) => plugin.state === "ready" && plugin.stage === "diarize"),
}));

/** Loads plugins, models and glossaries. */
export async function loadCatalog() {
    const [plugins, models, glossaries] = await Promise.all([
        getJson("/plugins"),
        getJson("/models"),
        getJson("/glossaries"),
    ]);
    /** @type {Model[]} */
    const list = models.models;
    const running = list.filter((model) => model.pull && !model.pull.error).map((model) => [model.id, model.pull]);
    pulls.value = Object.fromEntries(running);
    catalog.value = {
        plugins: plugins.plugins,
        defaultModel: plugins.default_model ?? "",
        models: list,
        glossaries: glossaries.glossaries.map((/** @type {{ name: string }} */ { name }) => name),
        loaded: true,
    };
}

/**
 * The download of a model that runs.
 * @param {Model} model
 * @returns {Pull | undefined}
 */
export const pullOf = (model) => pulls.value[model.id];

/**
 * Starts the download of a model; its progress comes with the events.
 * @param {Model} model
 */
export async function pull(model) {
    const path = `/models/${encodeURIComponent(model.id)}/pull`;
    pulls.value = { ...pulls.value, [model.id]: { done: 0, total: model.size } };
    try {
        await request("POST", path);
    } catch (error) {
        forgetPull(model.id);
        throw error;
    }
}

/**
 * Stops the download of a model.
 * @param {Model} model
 */
export async function cancelPull(model) {
    await request("DELETE", `/models/${encodeURIComponent(model.id)}/pull`);
    forgetPull(model.id);
}

/** @param {string} id */
function forgetPull(id) {
    const { [id]: _, ...rest } = pulls.value;
    pulls.value = rest;
}

watchAll(({ event, data }) => {
    // A download that ran is gone after a restart of the server.
    if (event === "reset") void loadCatalog().catch(() => {});
    if (event !== "models") return;
    const name = catalog.peek().models.find((model) => model.id === data.id)?.name ?? data.id;
    if (data.present) {
        toast(t("models.fetched", { name }), { kind: "good" });
        // The model is in the list before its download is forgotten, so that what waits for it sees no gap.
        void loadCatalog()
            .catch(() => {})
            .then(() => forgetPull(data.id));
    } else if (data.pull && !data.pull.error) pulls.value = { ...pulls.value, [data.id]: data.pull };
    else {
        forgetPull(data.id);
        if (data.pull?.error) toast(t("models.failed", { name, reason: data.pull.error }), { kind: "bad" });
        void loadCatalog().catch(() => {});
    }
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
