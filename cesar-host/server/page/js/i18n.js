// @ts-check
/** The page's own text in the language of its reader; English stands in where a translation is missing. */

import { signal } from "./dom.js";

/** @typedef {Record<string, string | Record<string, string>>} Texts */

/** The languages of the page, by their own names. */
export const LANGUAGES = Object.freeze({
    en: "English",
    de: "Deutsch",
    es: "Español",
    fr: "Français",
    it: "Italiano",
    pt: "Português",
    nl: "Nederlands",
    pl: "Polski",
    uk: "Українська",
    ar: "العربية",
    ja: "日本語",
    zh: "中文",
});

/** The language that is shown, as a BCP 47 tag. */
export const lang = signal("en");

/** @type {import("../vendor/signals-core.js").Signal<Texts>} */
const texts = signal({});
/** @type {Texts} */
let english = {};

/**
 * @param {string} language
 * @returns {Promise<Texts>}
 */
async function load(language) {
    const response = await fetch(`/page/locales/${language}.json`);
    if (!response.ok) throw new Error(`the texts of ${language} are missing`);
    return response.json();
}

/**
 * The best language of the page for this reader.
 * @param {string | null | undefined} chosen
 * @returns {string}
 */
export function preferred(chosen) {
    for (const tag of [chosen, ...navigator.languages]) {
        const base = tag?.toLowerCase().split("-")[0];
        if (base && base in LANGUAGES) return base;
    }
    return "en";
}

/**
 * Shows the page in a language.
 * @param {string} language
 */
export async function setLanguage(language) {
    const [first, own] = await Promise.all([
        Object.keys(english).length ? english : load("en"),
        language === "en" ? {} : load(language).catch(() => ({})),
    ]);
    english = first;
    texts.value = own;
    lang.value = language;
    document.documentElement.lang = language;
    document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
}

/**
 * Whether there is a text for a key.
 * @param {string} key
 * @returns {boolean}
 */
export const has = (key) => key in texts.value || key in english;

/**
 * The text of a key. `{name}` in it stands for `values.name`; where it has plural forms, `values.count` selects one.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
    const own = texts.value[key];
    let text = own ?? english[key] ?? key;
    if (typeof text !== "string") {
        const rules = new Intl.PluralRules(own === undefined ? "en" : lang.value);
        text = text[rules.select(Number(values.count ?? 0))] ?? text.other ?? key;
    }
    return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}
