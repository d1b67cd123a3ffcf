// @ts-check
/** Numbers, times and sizes in the language of the page. */

import { lang } from "./i18n.js";

/** @type {Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>} */
const cached = new Map();

/**
 * @template {Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat} F
 * @param {string} name
 * @param {(language: string) => F} make
 * @returns {F}
 */
function formatter(name, make) {
    const key = `${lang.value} ${name}`;
    let found = cached.get(key);
    if (!found) {
        found = make(lang.value);
        cached.set(key, found);
    }
    return /** @type {F} */ (found);
}

/**
 * A position in a recording: `1:02:03`, `2:03`.
 * @param {number} seconds
 * @returns {string}
 */
export function clock(seconds) {
    const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const end = `${h ? String(m).padStart(2, "0") : m}:${String(s).padStart(2, "0")}`;
    return h ? `${h}:${end}` : end;
}

/**
 * A size: `3.4 MB`.
 * @param {number} count
 * @returns {string}
 */
export function bytes(count) {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    let [value, unit] = [count, 0];
    while (value >= 999.5 && unit < units.length - 1) {
        value /= 1000;
        unit += 1;
    }
    const digits = unit > 0 && value < 10 ? 1 : 0;
    return formatter(
        `${units[unit]}${digits}`,
        (language) =>
            new Intl.NumberFormat(language, {
                style: "unit",
                unit: units[unit],
                unitDisplay: unit ? "short" : "long",
                maximumFractionDigits: digits,
            }),
    ).format(value);
}

/**
 * @param {number} value
 * @param {"hour" | "minute" | "second" | "day"} unit
 */
const measure = (value, unit) =>
    formatter(
        unit,
        (language) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }),
    ).format(value);

/**
 * A length of time in its two largest units: `1 hr 5 min`, `40 sec`.
 * @param {number} seconds
 * @returns {string}
 */
export function duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) return measure(whole, "second");
    if (whole < 600) {
        const rest = whole % 60;
        const minutes = measure(Math.floor(whole / 60), "minute");
        return rest ? `${minutes} ${measure(rest, "second")}` : minutes;
    }
    const minutes = Math.round(whole / 60);
    if (minutes < 60) return measure(minutes, "minute");
    if (minutes < 48 * 60) {
        const rest = minutes % 60;
        const hours = measure(Math.floor(minutes / 60), "hour");
        return rest ? `${hours} ${measure(rest, "minute")}` : hours;
    }
    return measure(Math.round(minutes / 1440), "day");
}

/**
 * A number with the separators of the language.
 * @param {number} value
 * @returns {string}
 */
export const number = (value) => formatter("number", (language) => new Intl.NumberFormat(language)).format(value);

/**
 * A share, 0 to 1, as a percentage.
 * @param {number} share
 * @returns {string}
 */
export const percent = (share) =>
    formatter("percent", (language) => new Intl.NumberFormat(language, { style: "percent" })).format(share);

/**
 * The time of day of an instant.
 * @param {string | Date} instant
 * @returns {string}
 */
export const timeOfDay = (instant) =>
    formatter("time", (language) => new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" })).format(
        new Date(instant),
    );

/**
 * Date and time of an instant.
 * @param {string | Date} instant
 * @returns {string}
 */
export const dateTime = (instant) =>
    formatter(
        "datetime",
        (language) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }),
    ).format(new Date(instant));

/**
 * The day of an instant, counted in days before today where it is near: `today`, `yesterday`, `Friday, 27 November 2026`.
 * @param {string | Date} instant
 * @returns {string}
 */
export function day(instant) {
    const date = new Date(instant);
    const midnight = (/** @type {Date} */ of) => new Date(of.getFullYear(), of.getMonth(), of.getDate()).getTime();
    const ago = Math.round((midnight(new Date()) - midnight(date)) / 86_400_000);
    if (ago === 0 || ago === 1) {
        const text = formatter(
            "relative",
            (language) => new Intl.RelativeTimeFormat(language, { numeric: "auto" }),
        ).format(-ago, "day");
        return text.charAt(0).toLocaleUpperCase(lang.value) + text.slice(1);
    }
    return formatter(
        "day",
        (language) =>
            new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    ).format(date);
}
