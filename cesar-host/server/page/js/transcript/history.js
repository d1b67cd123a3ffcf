// @ts-check
/** Revisions with authors and times; each can be undone. */

import { explain, getJson } from "../api.js";
import { html, useEffect, useSignal } from "../dom.js";
import { dateTime } from "../format.js";
import { t } from "../i18n.js";
import { Dialog, toast } from "../ui.js";

/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {{ revision: number, author: string, created_at: string, undone: boolean, operations: Operation[] }} Revision */

/** @param {Operation} operation */
function describe({ op, text = "", name = "", speaker = "", speakers = [], revision = 0, anchors = [] }) {
    const old = anchors[0]?.text ?? "";
    return t(`transcript.did_${op}`, { old, text, name, speaker, speakers: speakers.join(", "), revision });
}

/** @param {{ desk: import("./desk.js").Desk }} props */
export function HistoryDialog({ desk }) {
    const { model } = desk;
    const list = useSignal(/** @type {Revision[] | null} */ (null));
    const saving = model.saving.value;
    useEffect(() => {
        getJson(`${model.path}/transcript/history`)
            .then(({ revisions }) => (list.value = revisions.reverse()))
            .catch((error) => toast(explain(error), { kind: "bad" }));
    }, [saving]);
    const editable = model.editable.value;
    return html`<${Dialog} wide title=${t("transcript.history")} onClose=${() => (desk.dialog.value = null)}>
        ${list.value?.length === 0 && html`<p class="muted">${t("transcript.history_none")}</p>`}
        <ol class="history">
            ${(list.value ?? []).map(
                (revision) => html`<li key=${revision.revision} class=${revision.undone ? "undone" : ""}>
                    <div class="grow">
                        <p dir="auto">${revision.operations.slice(0, 3).map((operation) => html`<span>${describe(operation)}</span><br />`)}
                            ${revision.operations.length > 3 && html`<span>${t("transcript.did_more", { count: revision.operations.length - 3 })}</span>`}</p>
                        <p class="small muted">${t("transcript.revision_by", { number: revision.revision, author: revision.author, when: dateTime(revision.created_at) })}</p>
                    </div>
                    ${editable &&
                    !revision.undone &&
                    html`<button type="button" onClick=${() => model.editor?.undoRevision(revision.revision, t("transcript.label_revision", { number: revision.revision }))}>
                        ${t("transcript.undo")}
                    </button>`}
                </li>`,
            )}
        </ol>
    <//>`;
}
