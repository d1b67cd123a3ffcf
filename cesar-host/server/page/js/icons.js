// @ts-check
/** Icons as inline SVG, drawn with the colour of the text beside them. */

import { html } from "./dom.js";

/** Paths on a grid of 24. @type {Record<string, string>} */
const PATHS = {
    wave: "M3 12h1M7 8v8M11 4v16M15 8v8M19 10v4",
    upload: "M12 16V4M7 9l5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
    folder: "M3 7a1 1 0 0 1 1-1h5l2 2h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z",
    link: "M10 14a4 4 0 0 0 6 0l3-3a4.2 4.2 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4.2 4.2 0 0 0 6 6l1-1",
    mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3M5 11a7 7 0 0 0 14 0M12 18v3",
    library: "M4 5h16M4 10h16M4 15h10M4 20h7",
    gauge: "M4 18a9 9 0 1 1 16 0M12 14l4-5",
    search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l4.500 4.500",
    close: "M6 6l12 12M18 6L6 18",
    check: "M5 12.500l4.500 4.500L19 7.500",
    retry: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
    play: "M7 5l12 7-12 7z",
    pause: "M8 5v14M16 5v14",
    stop: "M6 6h12v12H6z",
    more: "M5 12h.01M12 12h.01M19 12h.01",
    edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
    trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
    download: "M12 4v12M7 11l5 5 5-5M4 20h16",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    share: "M12 3v12M8 7l4-4 4 4M6 12H5v8h14v-8h-1",
    undo: "M4 9h10a5 5 0 0 1 0 10h-3M8 5L4 9l4 4",
    redo: "M20 9H10a5 5 0 0 0 0 10h3M16 5l4 4-4 4",
    key: "M15 4a5 5 0 1 1-4 8l-7 7v2h4v-3h3v-3M16 9h.01",
    sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400",
    moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500",
    system: "M4 5h16v11H4zM9 20h6M12 16v4",
    globe: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
    help: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.4-1 .8-1 1.700M12 17h.01",
    chevron: "M6 9l6 6 6-6",
    warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
    bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
    clock: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M12 7v5l3 2",
    file: "M6 3h8l4 4v14H6zM14 3v4h4",
    video: "M3 6h12v12H3zM15 10l6-3v10l-6-3",
    back: "M19 12H5M11 6l-6 6 6 6",
    box: "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
    plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
    previous: "M18 6l-8 6 8 6zM6 6v12",
    next: "M6 6l8 6-8 6zM18 6v12",
    back5: "M5 12a7.500 7.500 0 1 0 2.500-5.600M7.500 2.500v4h4M13.800 9.800h-3l-.3 2.600c2-.9 3.600 0 3.400 1.700-.2 1.500-2.200 2-3.600.8",
    forward5: "M19 12a7.500 7.500 0 1 1-2.500-5.600M16.500 2.500v4h-4M13.800 9.800h-3l-.3 2.600c2-.9 3.600 0 3.400 1.700-.2 1.500-2.200 2-3.600.8",
    target: "M12 5a7 7 0 1 1 0 14 7 7 0 0 1 0-14M12 2v5M12 17v5M2 12h5M17 12h5",
    keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10",
    underline: "M7 4v7a5 5 0 0 0 10 0V4M5 20h1M9 20h1M13 20h1M17 20h1",
    history: "M4 12a8 8 0 1 0 2.500-5.800M4 4v5h5M12 8v4l3 2",
    users: "M9 5a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7M2.500 20a6.500 6.500 0 0 1 13 0M16 5.200a3.500 3.500 0 0 1 0 6.600M18 14.200a6.500 6.500 0 0 1 3.500 5.800",
    plus: "M12 5v14M5 12h14",
};

/**
 * One icon; it has no name for screen readers, which hear the text of its button.
 * @param {{ name: string, size?: number }} props
 */
export function Icon({ name, size = 20 }) {
    return html`<svg
        class=${name === "back" ? "icon icon-turn" : "icon"}
        width=${size}
        height=${size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        stroke-width="1.75"
        stroke-linecap="round"
        stroke-linejoin="round"
        aria-hidden="true"
        focusable="false"
    >
        <path d=${PATHS[name] ?? ""} />
    </svg>`;
}
