// @ts-check
/** Files from a drop, a paste or a folder, and what they are. */

/** Endings of recordings whose type a browser often does not know. */
const ENDINGS = {
    audio: "aac ac3 aif aiff alac amr ape au caf dts flac m4a m4b mka mp2 mp3 oga ogg opus ra spx tta w64 wav weba wma wv",
    video: "3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts vob webm wmv",
};
const KINDS = new Map(
    Object.entries(ENDINGS).flatMap(([kind, endings]) => endings.split(" ").map((ending) => [ending, kind])),
);

/** @param {string} name */
const endingOf = (name) => (name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "");

/**
 * Presumed kind of a file.
 * @param {{ name: string, type: string }} file
 * @returns {"audio" | "video" | "other"}
 */
export function kindOf({ name, type }) {
    if (type.startsWith("audio/")) return "audio";
    if (type.startsWith("video/")) return "video";
    return /** @type {any} */ (KINDS.get(endingOf(name))) ?? "other";
}

/**
 * The kind as its reader knows it: `MP3`, `audio/x-…` without a name.
 * @param {{ name: string, type: string }} file
 */
export const formatOf = ({ name, type }) => endingOf(name).toUpperCase() || type;

/**
 * Whether a file in a folder is a recording; hidden files and those of the system are not.
 * @param {File} file
 */
export const isRecording = (file) => !file.name.startsWith(".") && kindOf(file) !== "other";

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesIn(entry) {
    if (entry.isFile) {
        const file = await new Promise((resolve, reject) =>
            /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
        );
        return [file];
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    /** @type {File[]} */
    const found = [];
    for (;;) {
        /** @type {FileSystemEntry[]} */
        const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!entries.length) return found;
        for (const each of entries) found.push(...(await filesIn(each)).filter(isRecording));
    }
}

/**
 * The files of a drop or a paste; folders give the recordings in them.
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function filesOf(transfer) {
    // Entries must be taken before the first wait: the transfer is empty afterwards.
    const items = [...transfer.items].filter((item) => item.kind === "file");
    const sources = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
    const lists = await Promise.all(
        sources.map(async (source) => {
            if (!source) return [];
            return source instanceof File ? [source] : filesIn(source);
        }),
    );
    return lists.flat();
}

/**
 * The addresses in a text, one a line.
 * @param {string} text
 * @returns {string[]}
 */
export function addressesIn(text) {
    const lines = text.split(/\s+/).filter(Boolean);
    return lines.every((line) => /^https?:\/\/\S+\.?\S+/i.test(line) && URL.canParse(line)) ? lines : [];
}

/**
 * Identity of a file without reading it; equal for the same file after a reload.
 * @param {File} file
 */
export const fingerprint = (file) => `${file.name}\n${file.size}\n${file.lastModified}`;
