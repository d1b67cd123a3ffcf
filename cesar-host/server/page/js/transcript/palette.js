// @ts-check
/** Colours of speakers: a speaker keeps its colour when it gets another name. */

/** Number of colours in transcript.css (`--voice-0` and so on). */
const COLOURS = 10;

/**
 * The number of a speaker's colour, from 0.
 * @param {Map<string, number>} known
 * @param {string} speaker
 */
export const voiceOf = (known, speaker) => (known.get(speaker) ?? 0) % COLOURS;

/**
 * The colours of speakers after a change.
 * @param {Map<string, number>} before
 * @param {string[]} speakers
 * @param {{ from: string, to: string } | null} [renamed]
 * @returns {Map<string, number>}
 */
export function colours(before, speakers, renamed = null) {
    const next = new Map();
    for (const speaker of speakers) {
        const kept = before.get(speaker) ?? (renamed?.to === speaker ? before.get(renamed.from) : undefined);
        if (kept !== undefined) next.set(speaker, kept);
    }
    for (const speaker of speakers) {
        if (next.has(speaker)) continue;
        const used = new Set(next.values());
        let free = 0;
        while (used.has(free)) free += 1;
        next.set(speaker, free);
    }
    return next;
}
