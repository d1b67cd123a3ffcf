// @ts-check
/** The options of the next transcription, as chosen and as the server takes them. */

import { catalog, engines } from "./catalog.js";
import { computed } from "./dom.js";
import { setSettings, settings } from "./store.js";

/**
 * @typedef {object} Choices
 * @property {string} model `PLUGIN/MODEL`; empty for the default of the server.
 * @property {string} language A code; empty to detect it.
 * @property {string} speakers `auto`, `off`, `channels`, or their number.
 * @property {string} task
 * @property {string} names Names of the speakers, separated by commas.
 * @property {string} glossary
 * @property {string} track
 * @property {boolean} words Whether each word gets its time.
 * @property {boolean} strict
 * @property {boolean} refresh
 * @property {boolean} noCache
 * @property {Record<string, Record<string, any>>} plugins Changed options, by plugin and name.
 */

/** @type {Choices} */
const DEFAULTS = {
    model: "",
    language: "",
    speakers: "auto",
    task: "transcribe",
    names: "",
    glossary: "",
    track: "",
    words: true,
    strict: false,
    refresh: false,
    noCache: false,
    plugins: {},
};

/** The last choices, which are those of the next transcription. */
export const choices = computed(() => /** @type {Choices} */ ({ ...DEFAULTS, ...settings.value.options }));

/** @param {Partial<Choices>} values */
export function choose(values) {
    setSettings({ options: { ...settings.value.options, ...values } });
}

/**
 * Changes an option of a plugin; `undefined` returns to its default.
 * @param {string} plugin
 * @param {string} name
 * @param {any} value
 */
export function chooseOption(plugin, name, value) {
    const { [name]: _, ...rest } = choices.value.plugins[plugin] ?? {};
    const options = value === undefined ? rest : { ...rest, [name]: value };
    choose({ plugins: { ...choices.value.plugins, [plugin]: options } });
}

/** Forgets everything that is chosen under "more options". */
export function resetChoices() {
    const { model, language, speakers } = choices.value;
    setSettings({ options: { model, language, speakers } });
}

/** The options whose text is no value of theirs, as `PLUGIN.OPTION`. @type {Set<string>} */
export const misfits = new Set();

/** Number of the folded options that differ from their defaults. */
export const changedCount = computed(() => {
    const now = choices.value;
    const folded = /** @type {const} */ ([
        "task",
        "names",
        "glossary",
        "track",
        "words",
        "strict",
        "refresh",
        "noCache",
    ]);
    const own = folded.filter((name) => now[name] !== DEFAULTS[name]).length;
    return (
        own +
        [asrPlugin.value, diarizePlugin.value].reduce(
            (sum, plugin) => sum + Object.keys(now.plugins[plugin?.id ?? ""] ?? {}).length,
            0,
        )
    );
});

/** The model that is chosen, where the catalog knows it: present or to be downloaded. */
export const chosenModel = computed(() => {
    const [plugin, name] = choices.value.model.split("/");
    if (!name) return null;
    const present = engines.value.asr.some((engine) => engine.id === plugin && engine.models?.includes(name));
    const known = catalog.value.models.find((model) => model.name === name && model.plugin === plugin);
    return present || known ? { plugin, name, present, known } : null;
});

/** The speech recognition plugin of the choice; the first where the server decides. */
export const asrPlugin = computed(() => {
    const id = chosenModel.value?.plugin;
    return engines.value.asr.find((plugin) => plugin.id === id) ?? engines.value.asr[0] ?? null;
});

/** The plugin that identifies speakers, where there is one with its models. */
export const diarizePlugin = computed(() => engines.value.diarize[0] ?? null);

/** Fields of `POST /transcribe` for the choices. @returns {Record<string, any>} */
export function fields() {
    const now = choices.value;
    const [model, asr, diarize] = [chosenModel.value, asrPlugin.value, diarizePlugin.value];
    const number = Number(now.speakers);
    /** @type {Record<string, any>} */
    const result = {};
    if (model) Object.assign(result, { model: model.name, asr_plugin: model.plugin });
    if (now.language) result.language = now.language;
    if (now.task !== "transcribe") result.task = now.task;
    if (now.speakers === "channels") Object.assign(result, { channels_as_speakers: true, diarize: false });
    else if (now.speakers === "off" || !diarize) result.diarize = false;
    else result.diarize = true;
    if (result.diarize && number > 0) result.num_speakers = number;
    const names = now.names
        .split(",")
        .map((name) => name.trim())
        .filter(Boolean);
    if (names.length && now.speakers !== "off") result.speaker_names = names;
    if (now.glossary) result.glossary = now.glossary;
    if (now.track) result.audio_track = now.track;
    for (const [field, name] of /** @type {const} */ ([
        ["strict", "strict"],
        ["refresh", "refresh"],
        ["no_cache", "noCache"],
    ]))
        if (now[name]) result[field] = true;
    const options = { ...(asr ? now.plugins[asr.id] : {}) };
    if (asr && now.words && "word_timestamps" in asr.options) options.word_timestamps = true;
    if (asr && Object.keys(options).length) Object.assign(result, { options, asr_plugin: result.asr_plugin ?? asr.id });
    if (result.diarize && diarize && Object.keys(now.plugins[diarize.id] ?? {}).length)
        Object.assign(result, { diarize_options: now.plugins[diarize.id], diarize_plugin: diarize.id });
    return result;
}
