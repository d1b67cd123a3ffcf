// @ts-check
/** The view library: components, hooks and signals, imported from one place. */

import { h } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { h, render } from "../vendor/preact.js";
export {
    useEffect,
    useId,
    useLayoutEffect,
    useMemo,
    useRef,
    useState,
} from "../vendor/hooks.js";
export {
    batch,
    computed,
    effect,
    signal,
    useSignal,
} from "../vendor/signals.js";

/** Markup as a tagged template; a component is written `<${Name} …/>`. */
export const html = htm.bind(h);
