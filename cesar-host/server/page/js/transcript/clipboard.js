// @ts-check
/** The clipboard, also on plain HTTP, where browsers have no clipboard interface. */

import { t } from "../i18n.js";
import { toast } from "../ui.js";

/**
 * Copies text and says so.
 * @param {string} text
 */
export async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        const area = document.createElement("textarea");
        area.value = text;
        area.className = "off-screen";
        const place = document.querySelector("dialog[open]") ?? document.body;
        place.append(area);
        area.select();
        const done = document.execCommand("copy");
        area.remove();
        if (!done) return toast(t("transcript.copy_failed"), { kind: "bad" });
    }
    toast(t("transcript.copied"), { kind: "good" });
}
