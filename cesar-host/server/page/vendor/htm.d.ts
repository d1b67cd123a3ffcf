import type { VNode } from "./preact.js";
declare const htm: {
    bind(h: (type: never, props: never, ...children: never[]) => unknown): (
        strings: TemplateStringsArray,
        ...values: unknown[]
    ) => VNode;
};
export default htm;
