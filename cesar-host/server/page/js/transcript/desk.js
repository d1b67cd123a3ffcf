// @ts-check
/** Actions on a transcript: one object that keys, menus and buttons share. */

import { explain, sendJson } from "../api.js";
import { computed, signal } from "../dom.js";
import { clock } from "../format.js";
import { t } from "../i18n.js";
import { setSettings, settings } from "../store.js";
import { toast } from "../ui.js";
import { rowOfSegment } from "./blocks.js";
import { operationsFor } from "./diff.js";
import { Model } from "./model.js";
import { countWords, leadOf, pieces, written } from "./pieces.js";
import { Player } from "./player.js";
import { neighbour, segmentAtTime, timeOf, wordAtTime } from "./timeline.js";

/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {{ segment: number, word: number }} Place */
/** @typedef {"help" | "export" | "share" | "speakers" | "history"} DialogName */
/**
 * @typedef {object} OpenMenu
 * @property {"speaker" | "word" | "split"} kind
 * @property {Place} place
 * @property {{ left: number, right: number, top: number, bottom: number }} anchor
 */
/** @typedef {{ title: string, value: string, list: string[], done: (name: string) => void }} Ask */

export class Desk {
    dialog = signal(/** @type {DialogName | null} */ (null));
    menu = signal(/** @type {OpenMenu | null} */ (null));
    ask = signal(/** @type {Ask | null} */ (null));
    finding = signal(false);
    following = signal(true);
    /** Whether the text is scrolled faster than it can be read: words are then drawn as plain text. */
    skims = signal(false);
    uncertain = computed(() => Boolean(settings.value.player.uncertain));
    /**
     * Set by the list; `measure` is for rows whose height changes by themselves.
     * @type {{ reveal: (place: Place, how?: "near" | "always") => void, wordAt: (place: Place) => HTMLElement | null, measure: () => void }}
     */
    list = { reveal: () => {}, wordAt: () => null, measure: () => {} };

    /** Set by the list. @type {import("./decorations.js").Decorations | null} */
    decorations = null;

    /** @param {string} id */
    constructor(id) {
        this.model = new Model(id);
        this.player = new Player(`${this.model.path}/recording`, () => ["loading", "live"].includes(this.model.state.peek()));
    }

    /** The word at the position of the player, or the nearest. @returns {Place | null} */
    get place() {
        return wordAtTime(this.model.shown.peek(), this.player.time, true);
    }

    /** @param {Place} place @param {boolean} [play] */
    playFrom(place, play = true) {
        this.following.value = true;
        this.player.seek(timeOf(this.model.shown.peek(), place));
        if (play) void this.player.play();
    }

    /** @param {number} time */
    playAt(time) {
        this.following.value = true;
        this.player.seek(time);
        void this.player.play();
    }

    /** To the turn before or after. @param {1 | -1} step */
    moveTurn(step) {
        const doc = this.model.shown.peek();
        const rows = this.model.rows.peek();
        const here = Math.max(0, segmentAtTime(doc, this.player.time));
        let row = rowOfSegment(rows, here);
        const block = rows[row];
        // A step back first goes to the start of the turn that plays, as players of music do.
        if (step < 0 && block?.kind === "turn" && this.player.time > block.start + 2) row += 1;
        do row += step;
        while (rows[row] && rows[row].kind !== "turn");
        const next = rows[row];
        if (next?.kind !== "turn") return;
        this.following.value = true;
        this.player.seek(next.start);
        this.list.reveal({ segment: next.first, word: 0 });
    }

    /** @param {1 | -1} step */
    moveWord(step) {
        const { place } = this;
        const doc = this.model.shown.peek();
        const next = place && neighbour(doc, place, step);
        if (!next) return;
        this.playFrom(next, false);
        this.list.reveal(next);
    }

    /**
     * Edits a segment; a word of it is selected, so that typing replaces it.
     * @param {Place} place
     * @param {"word" | "start" | "end"} [caret]
     */
    edit({ segment, word }, caret = "word") {
        if (!this.model.editable.peek()) return;
        const there = this.model.doc.peek().segments[segment];
        if (!there) return;
        const { text } = there;
        const words = written(there);
        const from = words.slice(0, word).join("").length + leadOf(words[word] ?? "").length;
        const bare = (words[word] ?? "").trim().replace(/[\p{P}\p{S}]+$/u, "");
        /** @type {[number, number]} */
        const selection = caret === "word" ? [from, from + bare.length] : caret === "start" ? [0, 0] : [text.length, text.length];
        this.following.value = false;
        this.model.typing.value = { segment, text, selection };
        this.list.reveal({ segment, word });
    }

    /** Stores what was typed. @param {number} [step] Which segment to edit next, counted from this one. */
    commit(step = 0) {
        const { model } = this;
        const typing = model.typing.peek();
        if (!typing) return;
        const { segment, text } = typing;
        const doc = model.doc.peek();
        model.typing.value = null;
        this.#focus(segment);
        const operations = operationsFor(doc, segment, text);
        if (operations.length) {
            const before = doc.segments.length;
            this.#noteFix(operations);
            model.change(operations, t("transcript.label_text", { time: clock(doc.segments[segment].start) }));
            if (step > 0 && model.doc.peek().segments.length < before) step -= 1;
        }
        model.keep();
        const next = model.doc.peek().segments[segment + step];
        if (step && next) this.edit({ segment: segment + step, word: step > 0 ? 0 : countWords(next) - 1 }, step > 0 ? "start" : "end");
    }

    cancelTyping() {
        const { model } = this;
        const typing = model.typing.peek();
        const there = typing && model.doc.peek().segments[typing.segment];
        model.typing.value = null;
        model.keep();
        if (!typing || !there) return;
        this.#focus(typing.segment);
        if (typing.text === there.text) return;
        const restore = () => {
            const segment = model.doc.peek().segments.findIndex(({ start }) => Math.abs(start - there.start) < 0.0005);
            if (segment < 0 || model.typing.peek() || !model.editable.peek()) return model.offer(typing.text);
            model.typing.value = { segment, text: typing.text, selection: [typing.text.length, typing.text.length] };
            this.list.reveal({ segment, word: 0 });
            model.keep();
        };
        toast(t("transcript.discarded"), { action: { label: t("transcript.restore"), run: restore } });
    }

    /** The focus goes to the passage that was typed in, once its field is gone. @param {number} segment */
    #focus(segment) {
        requestAnimationFrame(() => {
            if (document.activeElement !== document.body || this.model.typing.peek()) return;
            const turn = this.list.wordAt({ segment, word: 0 })?.closest(".turn");
            const button = turn?.querySelector(".turn-edit");
            if (button instanceof HTMLElement) button.focus({ preventScroll: true });
        });
    }

    /** Remembers a short replacement, which may become a rule of the glossary. @param {Operation[]} operations */
    #noteFix(operations) {
        const [first] = operations;
        if (operations.length !== 1 || first.op !== "replace_words") return;
        const { segment = 0, word = 0, count = 1, text = "" } = first;
        const old = pieces(this.model.doc.peek().segments[segment]).slice(word, word + count).map((piece) => piece.text).join(" ");
        const bare = (/** @type {string} */ words) => words.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
        const [wrong, right] = [bare(old), bare(text)];
        const isShort = (/** @type {string} */ words) => words.length > 0 && words.length <= 60;
        this.model.lastFix.value = isShort(wrong) && isShort(right) && wrong !== right ? { wrong, right } : null;
    }

    /** The name of the glossary that takes rules: that of the job, else one for all corrections. */
    get glossary() {
        const named = this.model.job.peek()?.request?.glossary;
        return typeof named === "string" && named && named !== "none" ? named : "corrections";
    }

    async addToGlossary() {
        const fix = this.model.lastFix.peek();
        if (!fix) return toast(t("transcript.glossary_none"));
        try {
            await sendJson("POST", `/glossaries/${encodeURIComponent(this.glossary)}/rules`, fix);
            this.model.lastFix.value = null;
            toast(t("transcript.glossary_added", { ...fix, name: this.glossary }), { kind: "good" });
        } catch (error) {
            toast(explain(error), { kind: "bad" });
        }
    }

    /** The segments of the turn around one, as first and number; a paragraph where there are no speakers. @param {number} segment */
    turnAround(segment) {
        const { segments } = this.model.doc.peek();
        const speaker = segments[segment]?.speaker;
        if (speaker === undefined) {
            const rows = this.model.rows.peek();
            const row = rows[rowOfSegment(rows, segment)];
            return row?.kind === "turn" ? { first: row.first, count: row.count } : { first: segment, count: 1 };
        }
        let [first, last] = [segment, segment];
        while (segments[first - 1]?.speaker === speaker) first -= 1;
        while (segments[last + 1]?.speaker === speaker) last += 1;
        return { first, count: last - first + 1 };
    }

    /** Gives the turn around a segment to a speaker. @param {number} segment @param {string} speaker */
    assign(segment, speaker) {
        const { first, count } = this.turnAround(segment);
        const { segments } = this.model.doc.peek();
        if (segments[first]?.speaker === speaker) return;
        const label = t("transcript.label_turn", { time: clock(segments[first].start), name: speaker });
        if (this.model.change([{ op: "set_speaker", segment: first, count, speaker }], label)) {
            toast(label, { action: { label: t("transcript.undo"), run: () => this.model.reverse("undo") } });
        }
    }

    /** Begins a turn of a speaker at a word. @param {Place} place @param {string} speaker */
    split({ segment, word }, speaker) {
        const { first, count } = this.turnAround(segment);
        const rest = first + count - segment;
        /** @type {Operation[]} */
        const operations =
            word > 0
                ? [{ op: "split_segment", segment, word }, { op: "set_speaker", segment: segment + 1, count: rest, speaker }]
                : [{ op: "set_speaker", segment, count: rest, speaker }];
        this.model.change(operations, t("transcript.label_split", { time: clock(this.timeAt({ segment, word })), name: speaker }));
    }

    /** @param {Place} place */
    timeAt(place) {
        return timeOf(this.model.doc.peek(), place);
    }

    /** Renames a speaker; with the name of another one, both become one. @param {string} speaker @param {string} name */
    renameSpeaker(speaker, name) {
        const to = name.trim();
        if (!to || to === speaker) return;
        if (this.model.speakers.peek().includes(to)) return this.mergeSpeakers([speaker, to], to);
        this.model.change([{ op: "rename_speaker", speaker, name: to }], t("transcript.label_rename", { from: speaker, name: to }));
    }

    /** @param {string[]} speakers @param {string} name */
    mergeSpeakers(speakers, name) {
        const label = t("transcript.label_merge", { from: speakers.filter((other) => other !== name).join(", "), name });
        if (this.model.change([{ op: "merge_speakers", speakers, name }], label)) {
            toast(label, { action: { label: t("transcript.undo"), run: () => this.model.reverse("undo") } });
        }
    }

    /** A part in which a speaker speaks alone, three to eight seconds where there is one. @param {string} speaker */
    sample(speaker) {
        let [best, score] = [/** @type {import("./types.js").Segment | null} */ (null), -1];
        for (const segment of this.model.shown.peek().segments) {
            if (segment.speaker !== speaker) continue;
            const length = segment.end - segment.start;
            const rated = Math.min(length, 5) - Math.max(0, length - 8) * 0.3 - (segment.overlap ? 3 : 0) + (segment.quality ?? 0);
            if (rated > score) [best, score] = [segment, rated];
        }
        if (best) void this.player.sample(best.start, Math.min(best.end, best.start + 8));
    }

    /** @param {OpenMenu["kind"]} kind @param {Place} place @param {Element | null} [by] */
    openMenu(kind, place, by = this.list.wordAt(place)) {
        const anchor = by?.getBoundingClientRect() ?? { left: innerWidth / 2, right: innerWidth / 2, top: innerHeight / 3, bottom: innerHeight / 3 };
        this.menu.value = { kind, place, anchor };
    }

    /** @param {string} name @param {unknown} value */
    setting(name, value) {
        setSettings({ player: { ...settings.peek().player, [name]: value } });
    }
}
