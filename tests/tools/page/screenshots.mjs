// Pictures of the page for the documentation; with PICTURES=all of each view at three widths, light and dark.
//
//     FOLDER=docs/guide/page node screenshots.mjs NODE_MODULES BASE_URL RECORDINGS [CASE…]
//
// Removes the jobs of the server first. See browser.mjs.

import fs from "node:fs";
import { api, base, empty, page, recording, run, submitted, transcribed } from "./browser.mjs";

const folder = process.env.FOLDER ?? "screenshots";
fs.mkdirSync(folder, { recursive: true });

const all = process.env.PICTURES === "all";
/** Those of the documentation are lower, so that their files are small. */
const SIZES = [
  [360, all ? 740 : 640],
  [768, all ? 900 : 720],
  [all ? 1440 : 1200, all ? 900 : 720],
];
/** Screenshots of a view for the documentation. */
const GUIDE = {
  queue: [["light", 768]],
  tray: [["light", 360]],
  running: [["dark", 768]],
  transcript: [["light", 1200], ["dark", 360]],
  search: [["light", 768]],
};

async function shots(name, hash, ready) {
  for (const scheme of ["light", "dark"])
    for (const [width, height] of SIZES) {
      if (!all && !GUIDE[name]?.some(([shown, wide]) => shown === scheme && wide === width)) continue;
      const on = await page(hash, { width, height, scheme });
      await ready(on);
      await on.waitForTimeout(300);
      await on.screenshot({ path: `${folder}/${name}-${width}-${scheme}.png` });
      await on.context().close();
    }
}

/** A job that runs while pictures of it are taken: without the cache, and cancelled afterwards. */
async function running(picture) {
  const started = await Promise.all(
    ["meeting.flac", "interview.m4a"].map((name) => submitted(name, { model: "tiny.en", no_cache: true })),
  );
  await picture(started[0].id);
  for (const { id } of started) await api("DELETE", `/jobs/${id}?remove=true`);
}

await run({
  async queue() {
    await empty();
    for (const name of ["short.wav", "welcome.ogg", "harbour.mp3"]) await transcribed(name);
    const words = { model: "tiny.en", num_speakers: 2, options: { word_timestamps: true } };
    const { id } = await transcribed("interview.m4a", words);
    await api("PATCH", `/jobs/${id}`, { title: "Interview at the harbour" });
    await running(() => shots("queue", "", (on) => on.locator(".row[data-status=processing]").first().waitFor({ timeout: 180_000 })));
  },
  async running() {
    await shots("running", "", async (on) => {
      const { id } = await submitted("meeting.flac", { model: "tiny.en", diarize: false, no_cache: true });
      await on.goto(`${base}/#/job/${id}`);
      await on.locator(".turn").first().waitFor({ timeout: 180_000 });
      on.once("close", () => api("DELETE", `/jobs/${id}?remove=true`));
    });
  },
  async tray() {
    await shots("tray", "", async (on) => {
      const names = ["short.wav", "spanish.opus", "meeting.flac"];
      await on.locator("[data-chooser=files]").setInputFiles(names.map(recording));
      await on.locator(".known").first().waitFor();
    });
  },
  async library() {
    await shots("library", "#/library", (on) => on.locator(".row").first().waitFor());
    await shots("search", "#/library?q=the", (on) => on.locator("mark").first().waitFor());
  },
  async system() {
    await shots("system", "#/system", (on) => on.locator(".figures").first().waitFor());
  },
  async transcript() {
    const { json } = await api("GET", "/jobs?status=completed&limit=50");
    const job = json.jobs.find((each) => each.label === "interview.m4a");
    await shots("transcript", `#/job/${job.id}`, async (on) => {
      await on.locator(".play:not([disabled])").waitFor();
      await on.waitForTimeout(500);
      await on.locator("[data-s=\"1\"] > [data-w=\"1\"]").click();
      await on.waitForTimeout(900);
      await on.keyboard.press("Space");
    });
  },
});
