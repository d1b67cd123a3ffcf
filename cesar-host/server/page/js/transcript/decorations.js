// @ts-check
/** Marks on words that change often: the word that is spoken, and found words. They are set on the elements, nothing is drawn again. */

import { effect, signal } from "../dom.js";
import { wordAtTime } from "./timeline.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./desk.js").Place} Place */
/** @typedef {import("./find.js").Match} Match */

/** Places of found text, set by the find bar. */
export const found = signal({ matches: /** @type {Match[]} */ ([]), at: -1 });

export class Decorations {
    /** @type {HTMLElement | null} */
    #current = null;
    /** @type {Place | null} */
    #place = null;
    /** @type {HTMLElement[]} */
    #hits = [];
    /** @type {Map<number, Match[]>} */
    #bySegment = new Map();
    /** @type {(() => void)[]} */
    #stops;

    /** @param {Desk} desk @param {HTMLElement} root */
    constructor(desk, root) {
        this.desk = desk;
        this.root = root;
        this.#stops = [
            desk.player.onTime((time) => this.#at(time)),
            effect(() => {
                this.#bySegment = new Map();
                for (const match of found.value.matches) {
                    const there = this.#bySegment.get(match.segment);
                    if (there) there.push(match);
                    else this.#bySegment.set(match.segment, [match]);
                }
                this.#hitWords();
            }),
        ];
    }

    stop() {
        for (const stop of this.#stops) stop();
    }

    /** The element of a word, where it is drawn. @param {Place} place @returns {HTMLElement | null} */
    element({ segment, word }) {
        return this.root.querySelector(`[data-s="${segment}"] > [data-w="${word}"]`);
    }

    /** Sets all marks on what has just been drawn. */
    apply() {
        this.#at(this.desk.player.time, true);
        this.#hitWords();
    }

    /** @param {number} time @param {boolean} [drawn] */
    #at(time, drawn = false) {
        const place = wordAtTime(this.desk.model.shown.peek(), time);
        const same = place?.segment === this.#place?.segment && place?.word === this.#place?.word;
        if (same && !drawn) return;
        const element = place && this.element(place);
        if (element !== this.#current) {
            this.#current?.classList.remove("now");
            element?.classList.add("now");
            this.#current = element;
        }
        this.#place = place;
        if (place && !same && this.desk.following.peek() && this.desk.player.playing.peek()) this.desk.list.reveal(place);
    }

    #hitWords() {
        for (const element of this.#hits) element.classList.remove("found", "found-now");
        this.#hits = [];
        if (!this.#bySegment.size) return;
        const { matches, at } = found.peek();
        for (const segment of /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll(".seg"))) {
            for (const match of this.#bySegment.get(Number(segment.dataset.s)) ?? []) {
                for (let word = match.first; word <= match.last; word += 1) {
                    const element = /** @type {HTMLElement | undefined} */ (segment.children[word]);
                    if (!element) continue;
                    element.classList.add("found");
                    if (matches[at] === match) element.classList.add("found-now");
                    this.#hits.push(element);
                }
            }
        }
    }
}
