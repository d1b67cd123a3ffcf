// Figures of the page in Chromium, as markdown tables: first load, frames of 100,000 words, memory after an hour of events.
//
//     LOADS=9 node measure.mjs NODE_MODULES BASE_URL RECORDINGS [CASE…]
//
// Removes the jobs of the server first. See browser.mjs.

import http from "node:http";
import os from "node:os";

import { longTranscript } from "../../../cesar-host/server/page/tests/long_transcript.js";
import { base, browser, empty, page, run, seen, submitted, transcribed } from "./browser.mjs";

const LOADS = Number(process.env.LOADS ?? 9);
const WORDS = 100_000;
/** A server sends at most four changes of a job a second. */
const HOUR_OF_EVENTS = 4 * 3600;

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const ordered = (values) => [...values].sort((one, other) => one - other);
const ms = (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);
const table = (...titles) => {
  console.log("");
  row(...titles);
  row(...titles.map((_, column) => (column ? "--:" : "---")));
};

/** Runs in the page before its scripts: when the view was drawn, and tasks that blocked it. */
function watch() {
  const times = { view: 0, session: 0, rows: 0, tasks: [] };
  globalThis.__times = times;
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) times.tasks.push([startTime, duration]);
  }).observe({ type: "longtask", buffered: true });
  new MutationObserver(() => {
    if (!times.view && document.querySelector("main > *")) times.view = performance.now();
    if (!times.rows && document.querySelector(".row")) times.rows = performance.now();
  }).observe(document, { childList: true, subtree: true });
}

/** One load in a new profile, or again in the same one. */
async function load(context) {
  const on = await context.newPage();
  const network = await context.newCDPSession(on);
  await network.send("Network.enable");
  let [bytes, requests] = [0, 0];
  network.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests += 1;
  });
  await on.addInitScript(watch);
  await on.goto(base, { waitUntil: "load" });
  await on.waitForFunction(() => globalThis.__times.rows);
  await on.waitForTimeout(700);
  const figures = await on.evaluate(() => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
    const { view, rows, tasks } = globalThis.__times;
    // Interactive: the view is there, and no task of the start blocks its answers.
    const blocked = tasks.filter(([start]) => start < view + 300).map(([start, duration]) => start + duration);
    return { paint, view, rows, interactive: Math.max(view, ...blocked) };
  });
  await on.close();
  return { ...figures, bytes, requests };
}

/** Gaps between frames, in ms, while `step` is called for each of them. */
const frames = (on, step, count = 240) =>
  on.evaluate(
    ([body, count]) =>
      new Promise((resume) => {
        const step = new Function("frame", "count", body);
        const gaps = [];
        let last = performance.now();
        const frame = (now) => {
          gaps.push(now - last);
          last = now;
          if (gaps.length > count) return resume(gaps.slice(1));
          step(gaps.length, count);
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
    [step, count],
  );

const heap = async (on) => {
  const session = await on.context().newCDPSession(on);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 1e6;
};
const elements = (on) => on.evaluate(() => document.querySelectorAll("*").length);

/**
 * The server with its answers to `GET /events` replaced: what a job sent, as often as an hour allows, as fast as the page reads.
 * @param {string[]} messages
 * @param {number} count
 */
function replaying(messages, count) {
  let sent = 0;
  const server = http.createServer((request, response) => {
    if (request.url !== "/events") {
      const { pathname, search } = new URL(request.url, base);
      const forward = http.request(base + pathname + search, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      request.pipe(forward);
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write("event: ready\ndata: {}\n\n");
    const timer = setInterval(() => {
      if (sent >= count) return response.write("event: heartbeat\ndata: {}\n\n");
      for (let index = 0; index < 20 && sent < count; index += 1, sent += 1) response.write(messages[sent % messages.length]);
    }, 20);
    response.on("close", () => clearInterval(timer));
  });
  return new Promise((resume) =>
    server.listen(0, "127.0.0.1", () =>
      resume({ url: `http://127.0.0.1:${server.address().port}`, done: () => sent >= count, stop: () => server.close() }),
    ),
  );
}

/** The messages about a job, as the server sends them while it is transcribed. */
async function recorded(name) {
  const abort = new AbortController();
  const response = await fetch(`${base}/events`, { signal: abort.signal });
  const { id } = await submitted(name, { model: "tiny.en", diarize: false, no_cache: true });
  const messages = [];
  let rest = "";
  try {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (part.includes("event: job") && part.includes(id)) messages.push(`${part}\n\n`);
      if (messages.at(-1)?.includes('"status":"completed"')) break;
    }
  } finally {
    abort.abort();
  }
  return messages;
}

await run({
  async load() {
    await empty();
    await transcribed("short.wav");
    const [first, again] = [[], []];
    for (let index = 0; index < LOADS; index += 1) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-US" });
      first.push(await load(context));
      again.push(await load(context));
      await context.close();
    }
    table("load", "requests", "kB over the network", "first paint", "view drawn", "interactive", "jobs listed", "interactive, least to most");
    for (const [name, loads] of [["first", first], ["again", again]]) {
      const median = (key) => at(ordered(loads.map((each) => each[key])), 0.5);
      const spread = ordered(loads.map((each) => each.interactive));
      row(name, median("requests"), (median("bytes") / 1000).toFixed(1), ...["paint", "view", "interactive", "rows"].map((key) => ms(median(key))), `${ms(spread[0])} to ${ms(spread.at(-1))}`);
    }
  },

  async scroll() {
    const { id } = await transcribed("short.wav");
    const on = await page("", { motion: "no-preference" });
    const text = JSON.stringify(longTranscript(WORDS));
    await on.route(`**/jobs/${id}/transcript?format=json`, (route) =>
      route.fulfill({ body: text, headers: { "Content-Type": "application/json", ETag: '"0-0"' } }),
    );
    const before = Date.now();
    await on.goto(`${base}/#/job/${id}`);
    await on.locator(".turn").first().waitFor();
    const shown = Date.now() - before;
    await on.waitForTimeout(1500);
    const cdp = await on.context().newCDPSession(on);
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    /** Time of the main thread on a processor, in ms: what a frame costs, whatever else the machine does. */
    const spent = async () => {
      const { metrics } = await cdp.send("Performance.getMetrics");
      return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
    };
    table(`frames of ${WORDS.toLocaleString("en")} words`, "median", "95 %", "longest", "over 16.7 ms", "a second", "processor time, mean");
    for (const [name, step] of [
      ["an empty page, for comparison", ""],
      ["reading, 12 px a frame", "scrollBy(0, 12)"],
      ["wheel, 60 px a frame", "scrollBy(0, 60)"],
      ["fling, 200 px a frame and slower", "scrollBy(0, 200 * (1 - frame / count))"],
      ["scrollbar drag, the whole text in 4 s", "scrollTo(0, (document.documentElement.scrollHeight * frame) / count)"],
    ]) {
      let there = on;
      if (!step) {
        there = await browser.newPage();
        await there.goto("about:blank");
      } else await on.evaluate(() => scrollTo(0, 0));
      await there.waitForTimeout(500);
      const begun = await spent();
      const gaps = await frames(there, step);
      const cost = (await spent()) - begun;
      if (!step) await there.close();
      const sorted = ordered(gaps);
      const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
      // A frame of 60 a second lasts 16.67 ms, and its clock has a tenth of a millisecond.
      const late = gaps.filter((gap) => gap > 16.8).length / gaps.length;
      row(name, ms(at(sorted, 0.5)), ms(at(sorted, 0.95)), ms(sorted.at(-1)), `${(late * 100).toFixed(0)} %`, (1000 / mean).toFixed(1), step ? ms(cost / gaps.length) : "");
    }
    table("100,000 words", "value");
    row("words in the document after the first turn", await on.evaluate(() => document.querySelectorAll(".w").length));
    row("elements", await elements(on));
    row("JSON", `${(text.length / 1e6).toFixed(1)} MB`);
    row("shown after", ms(shown));
    row("JS heap", `${(await heap(on)).toFixed(1)} MB`);
  },

  async memory() {
    await empty();
    await transcribed("short.wav");
    const messages = await recorded("harbour.mp3");
    const proxy = await replaying(messages, HOUR_OF_EVENTS);
    const on = await page();
    await on.goto(`${base}/#/`);
    await on.locator(".row").first().waitFor();
    await on.waitForTimeout(1000);
    const [before, elementsBefore] = [await heap(on), await elements(on)];
    await on.goto(proxy.url);
    const began = Date.now();
    while (!proxy.done()) await on.waitForTimeout(200);
    const took = (Date.now() - began) / 1000;
    await on.waitForTimeout(1000);
    table("an hour of events of a job", "before", "after");
    row("JS heap", `${before.toFixed(1)} MB`, `${(await heap(on)).toFixed(1)} MB`);
    row("elements", elementsBefore, await elements(on));
    console.log(`\n${HOUR_OF_EVENTS} events (${messages.length} of a real job, repeated) within ${took.toFixed(0)} s.`);
    proxy.stop();
    seen.hosts.delete(proxy.url);
    await empty();
  },

  async machine() {
    console.log(`\nload average ${os.loadavg().map((load) => load.toFixed(1)).join(", ")} on ${os.cpus().length} cores, ${browser.version()}`);
  },
});
