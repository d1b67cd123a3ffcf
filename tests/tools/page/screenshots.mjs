// Pictures of the page for the documentation, at three widths, light and dark.
//
//     FOLDER=docs/guide/page node screenshots.mjs NODE_MODULES BASE_URL RECORDINGS [CASE…]
//
// Removes the jobs of the server first. See browser.mjs.

import fs from "node:fs";
import { api, empty, page, recording, run, transcribed } from "./browser.mjs";

const folder = process.env.FOLDER ?? "screenshots";
fs.mkdirSync(folder, { recursive: true });

const SIZES = [
  [360, 740],
  [768, 900],
  [1440, 900],
];

async function shots(name, hash, ready) {
  for (const scheme of ["light", "dark"])
    for (const [width, height] of SIZES) {
      const on = await page(hash, { width, height, scheme });
      await ready(on);
      await on.waitForTimeout(300);
      await on.screenshot({ path: `${folder}/${name}-${width}-${scheme}.png` });
      await on.context().close();
    }
}

await run({
  async queue() {
    await empty();
    for (const name of ["short.wav", "welcome.ogg", "harbour.mp3"]) await transcribed(name);
    await transcribed("interview.m4a");
    await transcribed("interview.m4a");
    const form = new FormData();
    const long = "meeting.flac";
    form.set("file", new Blob([fs.readFileSync(recording(long))]), long);
    form.set("no_cache", "true");
    form.set("model", "base");
    await shots("queue", "", async (on) => {
      const { json } = await api("GET", "/jobs?status=queued,processing");
      if (json.jobs.length < 2)
        for (let i = 0; i < 3; i += 1) await fetch(new URL("/transcribe", on.url()), { method: "POST", body: form });
      await on.locator(".row[data-status=processing]").first().waitFor();
    });
    for (const job of (await api("GET", "/jobs?status=queued,processing")).json.jobs)
      await api("DELETE", `/jobs/${job.id}`);
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
    const job = json.jobs.find((each) => each.label === "harbour.mp3");
    await shots("transcript", `#/job/${job.id}`, (on) => on.waitForTimeout(1500));
  },
});
