// @ts-check
/** Drops on any view of the page, and pastes on the first: recordings and addresses go into the tray. */

import { signal, useEffect } from "./dom.js";
import { addressesIn, filesOf } from "./files.js";
import { t } from "./i18n.js";
import { route } from "./router.js";
import { session } from "./store.js";
import { addAddresses, addFiles } from "./tray.js";
import { toast } from "./ui.js";

/** Whether something is held over the page that can be dropped. */
export const isOver = signal(false);

/** @param {File[]} files */
export function take(files) {
    if (files.length) addFiles(files);
    else toast(t("home.nothing"), { kind: "bad" });
}

/** Listens for drops and pastes on the whole page. */
export function useTransfers() {
    useEffect(() => {
        let depth = 0;
        const carries = (/** @type {DragEvent} */ event) =>
            event.dataTransfer?.types.some((type) => type === "Files" || type === "text/uri-list");
        const listeners = /** @type {[string, (event: any) => void][]} */ ([
            ["dragenter", (event) => carries(event) && ((depth += 1), (isOver.value = true))],
            ["dragleave", () => (depth = Math.max(0, depth - 1)) === 0 && (isOver.value = false)],
            ["dragover", (event) => carries(event) && event.preventDefault()],
            [
                "drop",
                async (event) => {
                    if (!carries(event)) return;
                    // A browser would leave the page for the file.
                    event.preventDefault();
                    [depth, isOver.value] = [0, false];
                    if (session.value.needsKey) return;
                    const urls = addressesIn(event.dataTransfer.getData("text/plain"));
                    const files = await filesOf(event.dataTransfer);
                    if (urls.length && !files.length) addAddresses(urls);
                    else take(files);
                    if (route.value.view !== "home") location.hash = "#/";
                },
            ],
            [
                "paste",
                async (event) => {
                    if (route.value.view !== "home" || session.value.needsKey) return;
                    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
                    const urls = addressesIn(event.clipboardData.getData("text/plain"));
                    const files = await filesOf(event.clipboardData);
                    if (files.length) addFiles(files);
                    else if (urls.length) addAddresses(urls);
                },
            ],
        ]);
        for (const [name, listener] of listeners) addEventListener(name, listener);
        return () => {
            for (const [name, listener] of listeners) removeEventListener(name, listener);
        };
    }, []);
}
