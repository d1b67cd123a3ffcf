// @ts-check
/** Time left of a job, from how fast its progress was. */

/** @typedef {{ at: number, progress: number, phase: string }} Sample */

/** Time over which the speed is measured, in ms. */
const WINDOW = 30_000;
/** Time and progress that a measurement needs. */
const [LEAST_MS, LEAST_PROGRESS] = [2_500, 1];

/** @type {Map<string, Sample[]>} */
const samples = new Map();

/**
 * Takes the progress of a job, 0 to 100, and answers the seconds that are left; `null` until there is something to measure.
 * @param {string} id
 * @param {number} progress
 * @param {string} phase The stage; its speed says nothing about that of another.
 * @param {number} [now]
 * @returns {number | null}
 */
export function secondsLeft(id, progress, phase, now = Date.now()) {
    let seen = (samples.get(id) ?? []).filter((sample) => now - sample.at < WINDOW && sample.phase === phase);
    const last = seen.at(-1);
    if (!last || last.progress !== progress) seen = [...seen, { at: now, progress, phase }];
    samples.set(id, seen);
    const first = seen[0];
    const [ms, done] = [now - first.at, progress - first.progress];
    if (ms < LEAST_MS || done < LEAST_PROGRESS) return null;
    return ((100 - progress) / done) * (ms / 1000);
}

/**
 * Forgets a job that has ended.
 * @param {string} id
 */
export const forgetSamples = (id) => void samples.delete(id);
