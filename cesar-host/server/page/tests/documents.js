// @ts-check
/** Small documents for tests. */

/** @typedef {import("../js/transcript/types.js").Doc} Doc */

/**
 * A segment whose words last 0.8 s, one each second.
 * @param {number} id
 * @param {string} text
 * @param {{ start?: number, speaker?: string, lead?: string, timed?: boolean }} [options]
 */
export function segment(id, text, { start = id * 10, speaker, lead = " ", timed = true } = {}) {
    const tokens = lead ? text.split(" ") : [...text];
    const words = tokens.map((token, index) => ({
        start: start + index,
        end: start + index + 0.8,
        word: lead + token,
        probability: 0.5,
        ...(speaker === undefined ? {} : { speaker }),
    }));
    const end = start + tokens.length - 0.2;
    return { id, start, end, text, ...(speaker === undefined ? {} : { speaker, overlap: false }), ...(timed ? { words } : {}) };
}

/** Two speakers, three turns. @returns {Doc} */
export function dialogue() {
    return {
        segments: [
            segment(0, "The old harbor closed.", { speaker: "A" }),
            segment(1, "When did it close?", { speaker: "B" }),
            segment(2, "It closed in May.", { speaker: "A" }),
        ],
        language: "en",
        task: "transcribe",
        duration: 30,
        speakers: ["A", "B"],
        turns: [
            { start: 0, end: 3.8, speaker: "A" },
            { start: 10, end: 13.8, speaker: "B" },
            { start: 20, end: 23.8, speaker: "A" },
        ],
    };
}

/** @param {...string} texts @returns {Doc} */
export const lines = (...texts) => ({
    segments: texts.map((text, id) => segment(id, text)),
    language: "en",
    task: "transcribe",
    duration: texts.length * 10,
});
