// @ts-check
/** The keyboard. */

import { settings } from "../store.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * The action of a key without Ctrl.
 * @param {Desk} desk
 * @param {string} key
 * @returns {(() => void) | null}
 */
function single(desk, key) {
    const { model, player, place } = desk;
    if (/^[1-9]$/u.test(key)) {
        const name = model.speakers.peek()[Number(key) - 1];
        return model.editable.peek() && place && name !== undefined ? () => desk.assign(place.segment, name) : null;
    }
    switch (key.toLowerCase()) {
        case ",":
            return () => desk.moveWord(-1);
        case ".":
            return () => desk.moveWord(1);
        case "-":
            return () => player.stepRate(-1);
        case "+":
        case "=":
            return () => player.stepRate(1);
        case "0":
            return () => player.setRate(1);
        case "k":
            return () => player.toggle();
        case "f":
            return () => {
                desk.following.value = true;
                if (place) desk.list.reveal(place, "always");
            };
        case "e":
            return place && (() => desk.edit(place));
        case "s":
            return place && model.editable.peek() ? () => desk.openMenu("split", place) : null;
        case "m":
            return place && (() => desk.openMenu("word", place));
        case "g":
            return () => void desk.addToGlossary();
        case "u":
            return () => desk.setting("uncertain", !desk.uncertain.peek());
        case "o":
            return model.state.peek() === "ready" ? () => void model.toggleOriginal() : null;
        case "x":
            return model.state.peek() === "ready" ? () => (desk.dialog.value = "export") : null;
        case "?":
            return () => (desk.dialog.value = "help");
        default:
            return null;
    }
}

/**
 * @param {Desk} desk
 * @param {KeyboardEvent} event
 * @returns {(() => void) | null}
 */
function action(desk, event) {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    const control = ctrlKey || metaKey;
    if (control && !altKey) {
        const lower = key.toLowerCase();
        if (lower === "z" && !shiftKey) return () => desk.model.reverse("undo");
        if (lower === "y" || (lower === "z" && shiftKey)) return () => desk.model.reverse("redo");
        // The browser finds only what is drawn; a second Ctrl F is its own search.
        if (lower === "f" && !desk.finding.peek()) return () => (desk.finding.value = true);
        return null;
    }
    if (altKey && key.length === 1 && !ctrlKey) return null;
    switch (key) {
        // Time runs from left to right also where text does not.
        case "ArrowLeft":
            return () => desk.player.skip(-5);
        case "ArrowRight":
            return () => desk.player.skip(5);
        case "ArrowUp":
            return () => desk.moveTurn(-1);
        case "ArrowDown":
            return () => desk.moveTurn(1);
        case " ":
            return () => desk.player.toggle();
        default:
            return key.length === 1 && settings.peek().player.singleKeys !== false ? single(desk, key) : null;
    }
}

/** @param {Desk} desk @returns {() => void} stop */
export function listenToKeys(desk) {
    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
        if (event.defaultPrevented || event.isComposing) return;
        const target = event.target instanceof Element ? event.target : null;
        if (document.querySelector("dialog[open], .menu") || target?.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
        // Space presses the button that has the focus.
        if (event.key === " " && target?.closest("button, a, summary, input")) return;
        const run = action(desk, event);
        if (!run) return;
        event.preventDefault();
        run();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
}
