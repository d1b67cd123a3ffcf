// @ts-check
/** A synthetic transcript for load tests: no recognised speech, only words of the right number and length. */

const WORDS = "the harbour was quiet that morning and no one on the pier had seen the boats come back before the storm reached us again however several people said they heard engines across the water around midnight".split(" ");

/** @param {number} seed */
function random(seed) {
    return () => {
        seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
        return seed / 4_294_967_296;
    };
}

/**
 * A document with this many words, about 167 a minute: 100,000 are ten hours.
 * @param {number} count
 * @param {number} [speakers]
 */
export function longTranscript(count, speakers = 4) {
    const next = random(7);
    const segments = [];
    let [time, words, speaker] = [0, 0, 0];
    while (words < count) {
        const length = Math.min(count - words, 6 + Math.floor(next() * 14));
        const start = time;
        const list = [];
        for (let index = 0; index < length; index += 1) {
            const word = WORDS[Math.floor(next() * WORDS.length)] ?? "the";
            const end = time + 0.12 + next() * 0.44;
            const text = index === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : word;
            list.push({ start: round(time), end: round(end), word: ` ${text}${index === length - 1 ? "." : ""}`, probability: round(0.3 + next() * 0.7), speaker: `Speaker ${speaker + 1}` });
            time = end;
        }
        segments.push({ id: segments.length, start: round(start), end: round(time), text: list.map((word) => word.word).join("").trim(), speaker: `Speaker ${speaker + 1}`, overlap: false, words: list, quality: 0.8 });
        words += length;
        time += next() < 0.1 ? 0.8 : 0.1;
        if (next() < 0.3) speaker = Math.floor(next() * speakers);
    }
    return {
        schema: 1,
        language: "en",
        task: "transcribe",
        duration: round(time),
        created: "2026-01-02T03:04:05Z",
        segments,
        speakers: Array.from({ length: speakers }, (_, index) => `Speaker ${index + 1}`),
        turns: segments.map(({ start, end, speaker: who }) => ({ start, end, speaker: who })),
        provenance: { audio: { offset: 0 }, asr: { model: "load test" } },
    };
}

/** @param {number} seconds */
const round = (seconds) => Math.round(seconds * 1000) / 1000;
