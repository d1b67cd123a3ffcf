// The page while its server is killed and started again: uploads, jobs, corrections, sound. See browser.mjs.
//
// SERVER_COMMAND is a list in JSON: the program and arguments of the server with which SERVER_PID was started, on the port of BASE_URL;
// SERVER_ENVIRONMENT an object with the variables that it had. Each kill is at a moment that the page or the server has shown.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { api, base, check, empty, page, pid, recording, run, transcribed, until } from "./browser.mjs";

const command = JSON.parse(process.env.SERVER_COMMAND);
const environment = JSON.parse(process.env.SERVER_ENVIRONMENT);
const MODEL = "ct2/tiny.en";
const MIB = 1024 * 1024;
/** Bytes of one request of an upload; see `js/tus.js`. */
const PIECE = 8 * MIB;

/** The server that runs. */
let server = { kill: () => process.kill(pid, "SIGKILL") };
process.on("exit", () => server.kill());

/** When the server was killed. */
let killed = 0;

const answers = () => api("GET", "/health").then(() => true, () => false);

/** Kills the server without any warning; waits until nothing answers. */
async function kill() {
  killed = Date.now();
  server.kill();
  server = { kill() {} };
  await until("the server is dead", async () => !(await answers()));
}

/** Starts it again on the same port and data; once more where another process has the port for a moment. */
async function restart() {
  let wanted = true;
  let child;
  const start = () => {
    child = spawn(command[0], command.slice(1), { env: { PATH: process.env.PATH, ...environment }, stdio: "ignore" });
    // The end of the script does not wait for it.
    child.unref();
    child.on("exit", () => wanted && setTimeout(start, 200).unref());
  };
  start();
  server = {
    kill() {
      wanted = false;
      child.kill("SIGKILL");
    },
  };
  await until("the server runs again", answers);
}

/** A page that notes when it reports a lost server. */
async function observed(hash, options) {
  const on = await page(hash, options);
  await observe(on);
  return on;
}

const observe = (on) =>
  on.evaluate(() => {
    globalThis.lostAt = [];
    new MutationObserver(() => {
      if (!document.querySelector(".lost")) globalThis.isLost = false;
      else if (!globalThis.isLost) [globalThis.isLost, globalThis.lostAt] = [true, [...globalThis.lostAt, Date.now()]];
    }).observe(document.body, { subtree: true, childList: true });
  });

/** The page reports the kill, within three seconds. */
async function lost(on) {
  await on.locator(".lost").waitFor();
  const after = (await on.evaluate(() => globalThis.lostAt.at(-1))) - killed;
  check("the page reports it within 3 s", after <= 3000, `after ${after} ms`);
}

async function back(on) {
  await on.locator(".lost").waitFor({ state: "detached" });
  await on.getByText("The server is back").waitFor();
}

/** A recording with a sentence, and nothing behind it for so many seconds. */
function long(silence) {
  const short = fs.readFileSync(recording("short.wav"));
  const at = short.indexOf("data");
  const body = Buffer.concat([short.subarray(at + 8), Buffer.alloc(silence * 32_000)]);
  const head = Buffer.from(short.subarray(0, at + 8));
  head.writeUInt32LE(body.length, at + 4);
  head.writeUInt32LE(at + body.length, 4);
  return stored(`long-${silence}.wav`, Buffer.concat([head, body]));
}

/** A file for this run. */
function stored(name, bytes) {
  const file = `/tmp/cesar-${process.pid}-${name}`;
  fs.writeFileSync(file, bytes);
  process.on("exit", () => fs.rmSync(file, { force: true }));
  return { file, size: bytes.length, digest: createHash("sha256").update(bytes).digest("hex") };
}

async function ready(on) {
  await on.locator(`.options-main option[value="${MODEL}"]`).waitFor({ state: "attached" });
  await on.locator(".options-main select").first().selectOption(MODEL);
  await on.locator(".options-main select").nth(2).selectOption("off");
}

async function choose(on, file) {
  await on.locator("[data-chooser=files]").setInputFiles(file);
  await on.locator(".tray-row input").waitFor();
  await until("the recording is compared", async () => (await on.getByText("Comparing").count()) === 0);
}

const start = (on) => on.locator(".start button.primary").click();
const jobs = async () => (await api("GET", "/jobs?limit=100")).json.jobs;
const ended = (on) => on.locator(".row[data-status=completed]");

/** The offsets of the pieces that a page sends. */
function offsetsOf(on) {
  const offsets = [];
  on.on("request", (request) => {
    const offset = request.method() === "PATCH" && request.headers()["upload-offset"];
    if (offset) offsets.push(Number(offset));
  });
  return offsets;
}

/** There is one job, of exactly these bytes, with its words. */
async function isTranscribedOnce({ digest, size }) {
  const [job, ...others] = await jobs();
  check("it is one job", others.length === 0, others);
  check("it has every byte once", job.sha256 === digest && job.size === size, [job, digest]);
  const { json } = await api("GET", `/jobs/${job.id}`);
  check("it has its words", /close the door/i.test(json.result.segments.map(({ text }) => text).join(" ")), json.result);
  return job;
}

/** A job with the words of `welcome.ogg`; its text, and how many corrections were stored. */
async function transcript() {
  await empty();
  const { id } = await transcribed("welcome.ogg", { model: "tiny.en", diarize: false, options: { word_timestamps: true } });
  const revision = async () => (await api("GET", `/jobs/${id}/transcript/history`)).json.revision;
  // Revisions are counted on when corrections are removed.
  const before = await revision();
  return {
    id,
    text: async () => {
      const { json } = await api("GET", `/jobs/${id}/transcript?format=json`);
      return json.segments.map((segment) => segment.text).join(" ");
    },
    count: async () => (await revision()) - before,
  };
}

async function open(id, on) {
  if (on) await on.goto(`${base}/#/job/${id}`);
  else on = await page(`#/job/${id}`);
  await observe(on);
  await on.locator(".turn").first().waitFor();
  return on;
}

const field = (on) => on.locator(".typing textarea");
const shown = (on) => on.locator('[data-s="0"]').innerText();
const saved = (on) => on.locator(".saving-saved", { hasText: "Saved" }).waitFor();

/** Types a correction of the first passage, and does not store it. */
async function type(on, from, to) {
  await on.locator('[data-s="0"] > [data-w="0"]').dblclick();
  const before = await field(on).inputValue();
  check(`the passage has ${from}`, before.includes(from), before);
  await field(on).fill(before.replace(from, to));
}

const cases = {
  async "an upload resumes in the middle when its server was killed"() {
    await empty();
    const on = await observed();
    await ready(on);
    const sound = long(600);
    const offsets = offsetsOf(on);
    const session = await on.context().newCDPSession(on);
    const limit = (uploadThroughput) =>
      session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
    await session.send("Network.enable");
    await choose(on, sound.file);
    await limit(3 * MIB);
    await start(on);
    const bar = on.getByRole("progressbar", { name: "Upload of" });
    const sent = async () => Number(await bar.getAttribute("value")) * sound.size;
    await until("the second piece is half sent", async () => (await sent()) > PIECE + MIB);
    await kill();
    await lost(on);
    await on.getByText("Connection lost. The upload resumes by itself.").waitFor();
    check("it was killed within the piece", offsets.join() === `0,${PIECE}`, offsets);
    await limit(-1);
    await restart();
    await back(on);
    await ended(on).waitFor();
    console.log(`   offsets ${offsets}`);
    check("nothing acknowledged is sent again", offsets.slice(1).every((offset) => offset >= PIECE), offsets);
    await isTranscribedOnce(sound);
  },

  async "an upload begins when its server was killed before"() {
    await empty();
    const on = await observed();
    await ready(on);
    const sound = long(1);
    await choose(on, sound.file);
    let creations = 0;
    await on.route("**/uploads", async (route) => {
      creations += 1;
      if (creations > 1) return route.continue();
      await kill();
      await route.abort("connectionreset");
    });
    await start(on);
    await lost(on);
    await on.getByText("Connection lost. The upload resumes by itself.").waitFor();
    await restart();
    await back(on);
    await ended(on).waitFor();
    await isTranscribedOnce(sound);
  },

  async "a recording is one job when the answer to its submission was lost"() {
    await empty();
    const on = await observed();
    await ready(on);
    const sound = long(2);
    await choose(on, sound.file);
    let orders = 0;
    await on.route("**/transcribe", async (route) => {
      orders += 1;
      if (orders > 1) return route.continue();
      check("the server has it", (await route.fetch()).status() === 202);
      await kill();
      await route.abort("connectionreset");
    });
    await start(on);
    await lost(on);
    await restart();
    await back(on);
    await ended(on).waitFor();
    check("it is submitted again", orders > 1, orders);
    await isTranscribedOnce(sound);
    check("it left nothing behind", (await on.locator(".row").count()) === 1);
  },

  async "a microphone loses nothing when its server was killed"() {
    await empty();
    const on = await observed();
    await ready(on);
    await on.getByRole("button", { name: "Record" }).click();
    const sent = async () => on.locator(".recorder .small").innerText();
    await until("bytes arrive", async () => !(await sent()).startsWith("0 "));
    await kill();
    await lost(on);
    const seconds = () => on.locator(".recorder-time").innerText();
    const before = await seconds();
    await until("it still records", async () => (await seconds()) !== before);
    await restart();
    await back(on);
    const then = await sent();
    await until("more bytes arrive", async () => (await sent()) !== then);
    await on.getByRole("button", { name: "Stop and transcribe" }).click();
    await ended(on).waitFor();
    const all = await jobs();
    check("it is one job", all.length === 1, all);
    const { json } = await api("GET", `/jobs/${all[0].id}`);
    check("it has words", json.result.segments.map(({ text }) => text).join("").trim().length > 3, json.result);
  },

  async "jobs end once when their server was killed"() {
    await empty();
    const [on, reader] = [await observed(), await page()];
    await ready(on);
    // Long enough to be killed while its words come.
    const sound = stored("long.mp3", Buffer.concat(Array(10).fill(fs.readFileSync(recording("harbour.mp3")))));
    await choose(on, sound.file);
    await start(on);
    const running = on.locator(".row[data-status=processing]");
    await running.waitFor();
    const id = await running.getAttribute("data-job");
    await choose(on, recording("welcome.ogg"));
    await start(on);
    await on.locator(".row[data-status=queued]").waitFor();
    const [other] = (await jobs()).filter((job) => job.id !== id);
    await reader.goto(`${base}/#/job/${id}`);
    await observe(reader);
    await reader.locator(".turn .w").first().waitFor();
    check("it still runs", (await reader.locator(".running").count()) === 1);
    await kill();
    await Promise.all([lost(on), lost(reader)]);
    let resumed = 0;
    reader.on("request", (request) => (resumed += request.headers()["last-event-id"] ? 1 : 0));
    const rows = on.locator(".row[data-job]");
    check("both rows stay", (await rows.count()) === 2);
    check("its words stay", (await reader.locator(".turn .w").count()) > 0);
    await restart();
    await Promise.all([back(on), back(reader)]);
    check("the streams say what they had", resumed > 0);
    await on.locator(`.row[data-job="${id}"]`).getByText("Attempt 2").waitFor();
    await until("both end", async () => (await ended(on).count()) === 2, 240_000);
    const all = await jobs();
    check("they are the same jobs, each once", all.map((job) => job.id).sort().join() === [id, other.id].sort().join(), all);
    check("the attempt that died counts", all.find((job) => job.id === id).attempts === 2, all);
    await reader.locator(".turn-edit").first().waitFor();
    const { json } = await api("GET", `/jobs/${id}/transcript?format=json`);
    const words = (text) => text.replace(/\s+/g, " ").trim();
    const first = words(json.segments[0].text);
    check("the words are shown, each once", words(await shown(reader)) === first, [await shown(reader), first]);
    await on.locator(`.row[data-job="${other.id}"]`).getByRole("link").first().click();
    await until("those of the other, too", async () => /museum/i.test(await on.locator(".turn").first().innerText()));
  },

  async "a correction is kept when its server was killed"() {
    const { id, text, count } = await transcript();
    const on = await open(id);
    await type(on, "museum", "gallery");
    await kill();
    await on.keyboard.press("Enter");
    await lost(on);
    await on.getByText("Not saved yet; kept in this browser").waitFor();
    check("it is shown all the same", (await shown(on)).includes("gallery"));
    await restart();
    await back(on);
    await saved(on);
    check("it is saved by itself, once", (await text()).includes("gallery") && (await count()) === 1, await text());

    await kill();
    await lost(on);
    await restart();
    await back(on);
    check("what was saved is there", (await text()).includes("gallery") && (await count()) === 1);
    check("and shown", (await shown(on)).includes("gallery"));

    let stored = 0;
    await on.route("**/transcript", async (route) => {
      if (route.request().method() !== "PATCH" || stored) return route.continue();
      stored = (await route.fetch()).status();
      await kill();
      await route.abort("connectionreset");
    });
    await type(on, "gallery", "castle");
    await on.keyboard.press("Enter");
    await lost(on);
    check("the server has it, the page does not know", stored === 200, stored);
    await restart();
    await back(on);
    await saved(on);
    check("it is not applied twice", (await text()).includes("castle") && (await count()) === 2, await text());
    await on.unroute("**/transcript");
    await on.keyboard.press("Control+z");
    await until("and can be undone", async () => (await text()).includes("gallery"));
  },

  async "what is typed survives a kill and a reload"() {
    const { id, text, count } = await transcript();
    const on = await open(id);
    await type(on, "museum", "palace");
    await kill();
    await lost(on);
    check("it stays in its field", (await field(on).inputValue()).includes("palace"));
    const reloaded = await on.reload().then(() => true, () => false);
    check("without a server there is no page", !reloaded);
    await restart();
    await open(id, on);
    await field(on).waitFor();
    check("the next load has it in its field", (await field(on).inputValue()).includes("palace"));
    await on.reload();
    await observe(on);
    await field(on).waitFor();
    check("and a reload directly after", (await field(on).inputValue()).includes("palace"));
    check("nothing is stored that was not finished", (await count()) === 0);

    await kill();
    await on.keyboard.press("Enter");
    await on.getByText("Not saved yet; kept in this browser").waitFor();
    await on.goto("about:blank");
    await restart();
    // The next window finds the correction, and its server dies before it is sent.
    await on.route("**/transcript/history", async (route) => {
      await kill();
      await route.abort("connectionreset");
    });
    await on.goto(`${base}/#/job/${id}`);
    await observe(on);
    await on.locator(".lost").waitFor();
    await on.unroute("**/transcript/history");
    await on.goto("about:blank");
    await restart();
    await open(id, on);
    await until("a later window sends it", async () => (await text()).includes("palace"));
    await saved(on);
    check("nothing is applied twice", (await count()) === 1, await text());
  },

  async "a recovery waits for the return of its server"() {
    const { id, text, count } = await transcript();
    const on = await open(id);
    await type(on, "museum", "temple");
    await kill();
    await on.keyboard.press("Enter");
    await on.getByText("Not saved yet; kept in this browser").waitFor();
    await on.goto("about:blank");
    await restart();
    await on.route("**/transcript/history", async (route) => {
      await kill();
      await route.abort("connectionreset");
    });
    await on.goto(`${base}/#/job/${id}`);
    await on.locator(".lost").waitFor();
    await on.unroute("**/transcript/history");
    await restart();
    await on.getByText("unsaved correction was recovered").waitFor();
    await until("the same window sends it", async () => (await text()).includes("temple"));
    await saved(on);
    check("once", (await count()) === 1, await text());
  },

  async "two windows edit without a server and a third watches"() {
    const { id, text, count } = await transcript();
    const first = await open(id);
    const [other, third] = await Promise.all([open(id), open(id)]);
    await type(first, "museum", "library");
    await type(other, "Welcome", "Hello");
    await kill();
    await Promise.all([first, other].map((on) => on.keyboard.press("Enter")));
    await Promise.all([first, other, third].map(lost));
    await restart();
    await Promise.all([first, other, third].map(back));
    await Promise.all([first, other].map(saved));
    const now = await text();
    check("both are kept, each once", now.includes("library") && now.includes("Hello") && (await count()) === 2, now);
    for (const on of [first, other, third])
      await until("every window shows both", async () => /Hello.*library/s.test(await shown(on)), 8000);
  },

  async "a transcript that is opened without a server comes at its return"() {
    const { id } = await transcript();
    const on = await observed(`#/job/${id}`);
    await on.locator(".turn").first().waitFor();
    await on.goto(`${base}/#/library`);
    await on.locator(`.row[data-job="${id}"] a`).first().waitFor();
    await kill();
    await lost(on);
    await on.locator(`.row[data-job="${id}"] a`).first().click();
    await on.getByText("The server does not answer. Check").waitFor();
    await restart();
    await back(on);
    await on.locator(".turn").first().waitFor();
    await on.locator(".play:not([disabled])").waitFor();
  },

  async "models and options come when the server died before they did"() {
    const on = await page("#/library");
    await on.route("**/models", async (route) => {
      await kill();
      await route.abort("connectionreset");
    });
    await on.locator(".places a").first().click();
    await on.locator(".lost").waitFor();
    await on.unroute("**/models");
    await restart();
    await back(on);
    await ready(on);
  },

  async "the sound comes back with the server"() {
    await empty();
    const sound = long(600);
    const form = new FormData();
    form.set("file", new Blob([fs.readFileSync(sound.file)]), "long.wav");
    for (const [name, value] of Object.entries({ model: "tiny.en", diarize: "false" })) form.set(name, value);
    const { id } = await (await fetch(`${base}/transcribe`, { method: "POST", body: form })).json();
    await until("it is transcribed", async () => (await api("GET", `/jobs/${id}`)).json.status === "completed", 240_000);
    const on = await open(id);
    await on.locator(".play:not([disabled])").click();
    await on.locator(".play[aria-label=Pause]").waitFor();
    let failures = 0;
    on.on("requestfailed", (request) => (failures += request.url().endsWith("/recording") ? 1 : 0));
    await kill();
    await lost(on);
    // Far from what the browser has.
    const wave = on.locator(".wave");
    const { width, height } = await wave.boundingBox();
    await wave.click({ position: { x: width * 0.9, y: height / 2 } });
    await on.locator(".play[disabled]").waitFor();
    failures = 0;
    await until("the page has asked again, in vain", () => failures > 1);
    await restart();
    await back(on);
    const position = () => on.evaluate(() => document.querySelector("audio").currentTime);
    await until("it is where the reader wanted", async () => (await position()) > 500);
    const then = await position();
    await until("and plays by itself", async () => (await position()) > then);
    await on.locator(".play[aria-label=Pause]").waitFor();
  },
};

await run(cases);
