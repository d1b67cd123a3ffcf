(() => {
  "use strict";
  const audio = document.querySelector("audio");
  const pick = document.querySelector("input");
  const seconds = (element, name) => Number(element.dataset[name]);
  const words = [...document.querySelectorAll("[data-s]")]
    .map((element) => ({ element, start: seconds(element, "s"), end: seconds(element, "e") }))
    .sort((a, b) => a.start - b.start);
  let now = null;

  const wordAt = (time) => {
    let low = 0, high = words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (words[middle].start <= time) low = middle + 1; else high = middle;
    }
    const word = words[low - 1];
    return word && time < word.end ? word.element : null;
  };
  const isVisible = (element) => {
    const box = element.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  };
  const show = () => {
    const next = wordAt(audio.currentTime);
    if (next === now || !next && !audio.paused) return;
    // The page follows only while the reader looks at the current word.
    const follows = next && (!now || isVisible(now));
    if (now) now.classList.remove("now");
    if (next) next.classList.add("now");
    if (follows && !isVisible(next)) next.scrollIntoView({ block: "center" });
    now = next;
  };
  const frame = () => {
    show();
    if (!audio.paused) requestAnimationFrame(frame);
  };
  const ready = () => {
    audio.hidden = false;
    document.body.classList.add("live");
  };
  const seek = (time, plays) => {
    if (audio.hidden) {
      pick.focus();
      return;
    }
    audio.currentTime = time;
    if (plays) audio.play().catch(() => {});
    show();
  };
  const linked = () => {
    const time = Number(location.hash.replace("#t=", ""));
    if (!location.hash.startsWith("#t=") || Number.isNaN(time)) return;
    if (audio.hidden || audio.readyState > 0) seek(time, false);
    else audio.addEventListener("loadedmetadata", () => seek(time, false), { once: true });
  };

  pick.parentElement.hidden = false;
  if (audio.hasAttribute("src")) ready();
  pick.addEventListener("change", () => {
    if (pick.files.length === 0) return;
    if (audio.src.startsWith("blob:")) URL.revokeObjectURL(audio.src);
    audio.src = URL.createObjectURL(pick.files[0]);
    ready();
    linked();
  });
  audio.addEventListener("play", frame);
  for (const event of ["timeupdate", "pause"]) audio.addEventListener(event, show);
  document.querySelector("main").addEventListener("click", (event) => {
    const target = event.target.closest("[data-s], a");
    if (!target || !getSelection().isCollapsed) return;
    const isLink = target.matches("a");
    if (!isLink && audio.hidden) return;
    if (!isLink) event.preventDefault();
    seek(Number(isLink ? target.hash.replace("#t=", "") : target.dataset.s), true);
  });
  if (location.hash) linked();
})();
