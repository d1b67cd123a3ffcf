// The transcript view of the page, driven in Chromium: playing, speakers, correcting, exporting. See browser.mjs.

import fs from "node:fs";

import { longTranscript } from "../../../cesar-host/server/page/tests/long_transcript.js";
import { api, axe, base, check, empty, page, recording, run, transcribed, until } from "./browser.mjs";

const MODEL = { model: "tiny.en", diarize: false, options: { word_timestamps: true } };
/** @type {string} The job that the cases share. */
let job;

const document_ = async () => (await api("GET", `/jobs/${job}/transcript?format=json`)).json;
const texts = async () => (await document_()).segments.map((segment) => segment.text);
const history = async () => (await api("GET", `/jobs/${job}/transcript/history`)).json;

/** Stores corrections beside the browser. */
async function correct(operations) {
  const { revision } = await history();
  const response = await fetch(`${base}/jobs/${job}/transcript`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json", "If-Match": `"${revision}"` },
    body: JSON.stringify({ operations }),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** A transcript of two speakers without corrections of earlier cases. */
async function meeting() {
  if (!job) {
    await empty();
    job = (await transcribed("meeting.flac", MODEL)).id;
  }
  const { revisions } = await history();
  const kept = revisions.filter((each) => !each.undone && each.operations[0].op !== "undo").reverse();
  for (let at = 0; at < kept.length; at += 10)
    await correct(kept.slice(at, at + 10).map(({ revision }) => ({ op: "undo", revision })));
  const count = (await document_()).segments.length;
  await correct(Array.from({ length: count }, (_, segment) => ({ op: "set_speaker", segment, speaker: segment % 2 ? "Bo" : "Ann" })));
}

async function open(options = {}) {
  const on = await page(`#/job/${job}${options.at === undefined ? "" : `?t=${options.at}`}`, options);
  await on.locator(".turn").first().waitFor();
  await on.locator(".play:not([disabled])").waitFor();
  return on;
}

const word = (on, segment, index) => on.locator(`[data-s="${segment}"] > [data-w="${index}"]`);
const segment = (on, index) => on.locator(`[data-s="${index}"]`);
const saved = (on) => on.locator(".saving-saved", { hasText: "Saved" }).waitFor();
const now = (on) =>
  on.evaluate(() => {
    const lit = document.querySelector(".now");
    return lit && [Number(lit.parentElement.dataset.s), Number(lit.dataset.w)];
  });

/** Edits a segment by hand. */
async function edit(on, index, from, to, end = "Enter") {
  await word(on, index, 0).dblclick();
  const field = on.locator(".typing textarea");
  const text = await field.inputValue();
  check(`segment ${index} has ${from}`, text.includes(from), text);
  await field.fill(text.replace(from, to));
  if (end) await on.keyboard.press(end);
}

const cases = {
  async "a click plays and the keys steer"() {
    await meeting();
    const on = await open();
    await word(on, 2, 3).click();
    await on.locator(".now").waitFor();
    await until("the lit word moves", async () => (await now(on))?.[1] > 3 && (await now(on))[0] === 2, 10_000);
    await on.keyboard.press("Space");
    await on.locator(".play[aria-label=Play]").waitFor();
    const position = () => on.locator(".wave").getAttribute("aria-valuenow").then(Number);
    const before = await position();
    await on.keyboard.press("ArrowRight");
    await until("5 s forward", async () => Math.abs((await position()) - before - 5) <= 1, 5000);
    await on.keyboard.press("ArrowLeft");
    await until("5 s back", async () => Math.abs((await position()) - before) <= 1, 5000);
    await on.keyboard.press("ArrowDown");
    await until("the next turn", async () => (await now(on))?.[0] === 3, 5000);
    await on.keyboard.press(".");
    await until("the next word", async () => (await now(on))?.[1] === 1, 5000);
    for (const key of ["+", "+"]) await on.keyboard.press(key);
    check("faster", (await on.locator(".speed select").inputValue()) === "1.2");
    check("the sound is faster", (await on.evaluate(() => document.querySelector("audio").playbackRate)) === 1.2);
    await on.keyboard.press("0");
    await on.keyboard.press("?");
    await on.locator("dialog .keys").waitFor();
    await axe(on, "the keys");
    await on.keyboard.press("Escape");
    const link = await open({ at: 11.5 });
    await until("a link leads to its word", async () => (await now(link))?.[0] === 2, 5000);
  },

  async "a correction keeps times, is saved, undone and made again"() {
    await meeting();
    const on = await open();
    const before = await document_();
    const old = before.segments[1].words.findIndex(({ word }) => word.trim().startsWith("server"));
    await word(on, 1, old).dblclick();
    const selected = await on.evaluate(() => {
      const { selectionStart, selectionEnd, value } = document.activeElement;
      return value.slice(selectionStart, selectionEnd);
    });
    check("the word is selected", selected === "server", selected);
    await axe(on, "the field");
    await on.keyboard.type("harbour");
    await on.keyboard.press("Enter");
    await saved(on);
    const after = await document_();
    const times = (doc) => doc.segments[1].words.map(({ start, end }) => [start, end]).join();
    check("it is stored", after.segments[1].text.includes("new harbour"), after.segments[1].text);
    check("every word has its time", times(before) === times(after));
    await on.keyboard.press("Control+z");
    await until("undone", async () => (await texts())[1] === before.segments[1].text);
    await on.keyboard.press("Control+Shift+z");
    await until("made again", async () => (await texts())[1].includes("harbour"));
    await on.keyboard.press("o");
    await on.getByText("as it was recognised").waitFor();
    check("the original is shown", (await segment(on, 1).innerText()).includes("server"));
    await on.keyboard.press("o");
    await until("the correction is shown", async () => (await segment(on, 1).innerText()).includes("harbour"));
    await on.getByRole("button", { name: "History" }).click();
    await on.locator("dialog .history li", { hasText: "harbour" }).first().waitFor();
    await axe(on, "the history");
    await on.locator("dialog .history li", { hasText: "Ann speaks" }).getByRole("button").click();
    await until("any revision is undone", async () => (await document_()).speakers === undefined);
  },

  async "uncertain words, the waveform and the speakers are marked"() {
    await meeting();
    const on = await open();
    const low = on.locator("[data-low]");
    const underlined = () => low.evaluateAll((words) => words.filter((each) => getComputedStyle(each).textDecorationLine === "underline").length);
    const expected = (await document_()).segments.flatMap(({ words }) => words).filter(({ probability }) => probability < 0.5).length;
    check("there are uncertain words, and no line below them", expected > 0 && (await low.count()) === expected && (await underlined()) === 0, expected);
    await on.keyboard.press("u");
    await until("a key underlines them", async () => (await underlined()) === expected, 5000);
    await on.keyboard.press("u");
    const painted = () => on.locator(".wave canvas").first().evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 3 && value > 0).length;
    });
    await until("the waveform is drawn", async () => (await painted()) > 500, 10_000);
    const colours = await on.locator(".side .speaker").evaluateAll((rows) => rows.map((row) => row.dataset.voice));
    check("each speaker has a colour", colours.length === 2 && new Set(colours).size === 2, colours);
  },

  async "a recording with pictures shows them"() {
    const on = await page();
    // Chromium records a canvas, and a tone.
    const bytes = await on.evaluate(async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
      const context = canvas.getContext("2d");
      let frame = 0;
      const timer = setInterval(() => {
        context.fillStyle = `hsl(${(frame += 7)} 80% 50%)`;
        context.fillRect(0, 0, 320, 180);
      }, 40);
      const stream = canvas.captureStream(25);
      const [sound] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks();
      stream.addTrack(sound);
      const recorder = new MediaRecorder(stream, { mimeType: "video/webm;codecs=vp8,opus" });
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const ended = new Promise((resume) => recorder.addEventListener("stop", resume));
      recorder.start(500);
      await new Promise((resume) => setTimeout(resume, 4000));
      recorder.stop();
      await ended;
      clearInterval(timer);
      sound.stop();
      return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
    });
    const form = new FormData();
    form.set("file", new Blob([Uint8Array.from(bytes)], { type: "video/webm" }), "pictures.webm");
    for (const [name, value] of Object.entries(MODEL)) form.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
    const { id } = await (await fetch(`${base}/transcribe`, { method: "POST", body: form })).json();
    await until("it is transcribed", async () => (await api("GET", `/jobs/${id}`)).json.status === "completed");
    await on.goto(`${base}/#/job/${id}`);
    await on.locator(".play:not([disabled])").click();
    await until("pictures are shown", async () => (await on.locator("video").isVisible()) && (await on.evaluate(() => {
      const video = document.querySelector("video");
      return video.videoWidth === 320 && video.currentTime > 0;
    })), 10_000);
    await axe(on, "pictures");
  },

  async "Tab edits passage after passage"() {
    await meeting();
    const on = await open();
    await edit(on, 0, "budget", "money", "Tab");
    check("the next is edited", (await on.locator(".typing textarea").inputValue()).startsWith("Most of that"));
    await on.locator(".typing textarea").fill("");
    await on.keyboard.press("Enter");
    await saved(on);
    const now = await texts();
    check("a passage without text goes", now[1].startsWith("Good"), now);
    await edit(on, 1, "Good", "Fine", "Escape");
    await on.waitForTimeout(200);
    check("Escape keeps the text", (await texts())[1].startsWith("Good"));
    await edit(on, 0, "money?", "money? Really.", null);
    await on.keyboard.press("Control+Home");
    for (let i = 0; i < 3; i += 1) await on.keyboard.press("Control+ArrowRight");
    await on.keyboard.press("Control+Enter");
    await on.locator(".typing textarea").waitFor();
    await on.keyboard.press("Escape");
    await saved(on);
    const split = (await document_()).segments;
    check("Ctrl Enter splits", `${split[0].text} ${split[1].text}`.includes("Shall we begin") && split[0].text.split(" ").length === 3, split[0].text);
  },

  async "speakers are renamed, given, split and merged"() {
    await meeting();
    const on = await open();
    const before = await document_();
    await on.locator(".side .speaker input").first().fill("Ada");
    await on.keyboard.press("Enter");
    await saved(on);
    check("renamed everywhere", JSON.stringify(await document_()).includes("Ada") && !JSON.stringify(await document_()).includes('"Ann"'));
    await word(on, 1, 0).click();
    await on.keyboard.press("Space");
    await on.keyboard.press("1");
    await until("a key gives a turn", async () => (await document_()).segments[1].speaker === "Ada");
    await on.locator(".voice", { hasText: "Bo" }).first().click();
    await axe(on, "the menu");
    await on.getByRole("menuitemradio", { name: "Ada" }).click();
    await until("a menu gives a turn", async () => (await document_()).segments[3].speaker === "Ada");
    await word(on, 5, 3).click({ button: "right" });
    await on.getByRole("menuitem", { name: "New speaker from here" }).click();
    await on.getByRole("menuitem", { name: "Another name" }).click();
    await on.getByLabel("Name", { exact: true }).fill("Cleo");
    await on.keyboard.press("Enter");
    await until("a word begins a turn", async () => (await document_()).segments[6].speaker === "Cleo");
    check("the word is its first", (await document_()).segments[6].words[0].word === before.segments[5].words[3].word);
    await on.locator(".speaker", { has: on.locator("[aria-label='Name of Cleo']") }).locator("select").selectOption("Ada");
    await on.locator("dialog").getByRole("button", { name: "Merge", exact: true }).click();
    await until("merged", async () => (await document_()).speakers.length === 2);
    await on.locator(".speaker .sample").first().click();
    await on.locator(".play[aria-label=Pause]").waitFor();
    await on.locator(".play[aria-label=Play]").waitFor();
    check("a sample ends by itself", true);
    for (let i = 0; i < 5; i += 1) await on.keyboard.press("Control+z");
    await until("all undone", async () => JSON.stringify((await document_()).segments) === JSON.stringify(before.segments));
  },

  async "text is found and replaced"() {
    await meeting();
    const on = await open();
    const before = await texts();
    await on.keyboard.press("Control+f");
    await on.getByPlaceholder("Find").fill("we");
    await on.locator(".found-now").first().waitFor();
    await on.getByText("Whole words").click();
    await on.getByPlaceholder("Replace with").fill("they");
    await axe(on, "find and replace");
    const count = before.join(" ").match(/\bwe\b/giu).length;
    await until("all are counted", async () => (await on.locator(".find output").innerText()).endsWith(`of ${count}`), 5000);
    await on.getByRole("button", { name: "All", exact: true }).click();
    await until("all are replaced", async () => !/\bwe\b/iu.test((await texts()).join(" ")));
    await on.keyboard.press("Escape");
    await on.keyboard.press("Control+z");
    await until("one undo", async () => (await texts()).join() === before.join());
  },

  async "two windows edit and a third watches"() {
    await meeting();
    const [one, other, third] = [await open(), await open(), await open()];
    await edit(one, 0, "budget", "money", null);
    await edit(other, 0, "year", "month", null);
    await Promise.all([one.keyboard.press("Enter"), other.keyboard.press("Enter")]);
    await saved(one);
    await saved(other);
    const [text] = await texts();
    check("both are kept", text.includes("money") && text.includes("month"), text);
    for (const on of [one, other, third])
      await until("every window shows both", async () => (await segment(on, 0).innerText()).trim() === text, 8000);
    check("it is reported", (await one.locator(".toast").count()) + (await other.locator(".toast").count()) > 0);
    await one.keyboard.press("Control+z");
    await until("an undo takes back its own", async () => {
      const [now] = await texts();
      return now.includes("budget") && now.includes("month");
    });
  },

  async "nothing typed is lost"() {
    await meeting();
    const on = await open();
    await edit(on, 5, "broken", "shattered", null);
    await on.context().setOffline(true);
    await on.keyboard.press("Enter");
    await on.locator(".saving-waiting").waitFor();
    check("it is shown all the same", (await segment(on, 5).innerText()).includes("shattered"));
    await on.context().setOffline(false);
    await saved(on);
    check("it is stored when the server is back", (await texts())[5].includes("shattered"));

    let lost = 0;
    await on.route("**/transcript", async (route) => {
      if (route.request().method() !== "PATCH" || lost) return route.continue();
      lost += 1;
      await route.fetch();
      await route.abort("connectionreset");
    });
    const { revision } = await history();
    await edit(on, 0, "Shall we", "So shall we");
    await until("it is tried again", async () => lost === 1);
    await saved(on);
    check("a lost answer is no second correction", (await history()).revision === revision + 1 && (await texts())[0].startsWith("So shall we"), await texts());
    await on.unroute("**/transcript");

    await edit(on, 6, "agree", "agree, and more", null);
    await on.goto("about:blank");
    await on.goto(`${base}/#/job/${job}`);
    await on.locator(".typing textarea").waitFor();
    check("what was being typed is there again", (await on.locator(".typing textarea").inputValue()).includes("and more"));
    await on.keyboard.press("Escape");
    await edit(on, 6, "agree", "concur", null);
    await on.route("**/transcript", (route) => (route.request().method() === "PATCH" ? route.abort() : route.continue()));
    await on.keyboard.press("Enter");
    await on.waitForTimeout(300);
    await on.goto("about:blank");
    await on.unroute("**/transcript");
    await on.goto(`${base}/#/job/${job}`);
    await until("what a closed window did not send is sent by the next", async () => (await texts())[6].includes("concur"), 15_000);
  },

  async "what is typed meets the changes of another window"() {
    await meeting();
    const on = await open();
    const words = (await texts())[0].trim().split(" ");
    const field = on.locator(".typing textarea");
    await edit(on, 0, words[0], "Hello", "");
    await correct([{ op: "replace_words", segment: 0, word: words.length - 1, text: "ending." }]);
    await until("the field has both changes", async () => /^Hello .*ending\.$/.test(await field.inputValue()));
    await on.keyboard.press("Enter");
    await saved(on);
    check("both are stored", /^Hello .*ending\.$/.test((await texts())[0].trim()), (await texts())[0]);

    await edit(on, 0, "Hello", "Mine", "");
    await correct([{ op: "replace_words", segment: 0, word: 0, text: "Theirs" }]);
    await on.locator(".toast-bad", { hasText: "Theirs" }).waitFor();
    check("what is typed stays", (await field.inputValue()).startsWith("Mine"), await field.inputValue());
    await on.getByRole("button", { name: "Use that text" }).click();
    check("the other text can be taken", (await field.inputValue()).startsWith("Theirs"), await field.inputValue());
    await on.keyboard.press("Escape");
    await field.waitFor({ state: "detached" });
    check("and nothing was overwritten", (await texts())[0].trim().startsWith("Theirs"));
  },

  async "a discarded correction can be restored"() {
    await meeting();
    const on = await open();
    const first = (await texts())[1].trim().split(" ")[0];
    await edit(on, 1, first, "Restored", "Escape");
    await on.getByText("What was typed is discarded.").waitFor();
    check("it is not shown", !(await segment(on, 1).innerText()).includes("Restored"));
    await until("the focus stays at the passage", () => on.evaluate(() => document.activeElement.className === "turn-edit"));
    await on.getByRole("button", { name: "Restore", exact: true }).click();
    check("it is back", (await on.locator(".typing textarea").inputValue()).startsWith("Restored"));
    await on.keyboard.press("Enter");
    await saved(on);
    check("and can be stored", (await texts())[1].includes("Restored"));
    await until("with the focus at the passage", () => on.evaluate(() => document.activeElement.className === "turn-edit"));
  },

  async "a server that cannot store says why"() {
    await meeting();
    const on = await open();
    const problem = { type: "/docs#disk_full", title: "Insufficient Storage", status: 507, code: "no_such_code", detail: "no space is left for `corrections`" };
    await on.route("**/transcript", (route) =>
      route.request().method() === "PATCH" ? route.fulfill({ status: 507, json: problem, contentType: "application/problem+json" }) : route.continue(),
    );
    const first = (await texts())[0].trim().split(" ")[0];
    await edit(on, 0, first, "Kept");
    await on.locator(".obstacle", { hasText: "no space is left for corrections" }).waitFor();
    check("its code is shown as code", (await on.locator(".obstacle code").count()) === 1);
    await on.unroute("**/transcript");
    await saved(on);
    check("it is stored once there is space", (await texts())[0].includes("Kept"));
  },

  async "typed text is offered when its job is removed"() {
    const { id } = await transcribed("short.wav", MODEL);
    const on = await page(`#/job/${id}`);
    await word(on, 0, 0).dblclick();
    await on.locator(".typing textarea").fill("Unsaved words");
    await api("DELETE", `/jobs/${id}?remove=true&corrections=true`);
    await on.locator(".toast-bad", { hasText: "Unsaved words" }).waitFor();
    await on.getByRole("button", { name: "Copy" }).first().click();
    check("it can be copied", (await on.evaluate(() => navigator.clipboard.readText())) === "Unsaved words");
  },

  async "at 400 % zoom there is room for the text"() {
    await meeting();
    const on = await page(`#/job/${job}`, { width: 320, height: 256 });
    await on.locator(".turn .w").first().waitFor();
    await word(on, 0, 0).evaluate((element) => element.scrollIntoView({ block: "center" }));
    const free = await on.evaluate(() => {
      const isText = (y) => document.elementFromPoint(innerWidth / 2, y)?.closest("main") && !document.elementFromPoint(innerWidth / 2, y)?.closest(".player, .sticky");
      return Array.from({ length: innerHeight }, (_, y) => y).filter(isText).length;
    });
    check("four lines are free", free >= 100, `${free} px`);
    const wide = await on.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check("nothing is beside the window", wide <= 0, `${wide} px too wide`);
  },

  async "it is exported in every format"() {
    await meeting();
    await correct([{ op: "replace_words", segment: 0, word: 0, count: 1, text: "Quokka" }]);
    const menu = async () => {
      const on = await open();
      await on.keyboard.press("x");
      await on.locator(".format").first().waitFor();
      return on;
    };
    let on = await menu();
    const formats = (await api("GET", "/plugins")).json.formats;
    check("every format is offered", (await on.locator(".format").count()) === formats.length);
    await axe(on, "the export");
    for (const [index, format] of formats.entries()) {
      // Chromium asks before the eleventh download at once of a window.
      if (index > 0 && index % 8 === 0) on = await menu();
      await on.locator(`.format input[value=${format}]`).check({ force: true });
      const [file] = await Promise.all([on.waitForEvent("download"), on.getByRole("button", { name: `Download ${format}` }).click()]);
      check(`${format} is a file`, (await file.failure()) === null && file.suggestedFilename().startsWith("meeting."), file.suggestedFilename());
    }
    await on.locator(".format input[value=txt]").check({ force: true });
    const [text] = await Promise.all([on.waitForEvent("download"), on.getByRole("button", { name: "Download txt" }).click()]);
    check("in the corrected form", fs.readFileSync(await text.path(), "utf8").includes("Quokka"));
    const [original] = await Promise.all([on.waitForEvent("download"), on.getByRole("link", { name: "Original recording" }).click()]);
    check("the recording itself, too", fs.readFileSync(await original.path()).equals(fs.readFileSync(recording("meeting.flac"))));
    await on.locator(".format input[value=srt]").check({ force: true });
    await on.locator("#export-preset").selectOption("netflix");
    const [request] = await Promise.all([on.waitForRequest(/format=srt/), on.getByRole("button", { name: "Copy" }).click()]);
    check("with its preset", request.url().includes("preset=netflix"));
    await until("to the clipboard", async () => (await on.evaluate(() => navigator.clipboard.readText())).startsWith("1\n00:00:"), 5000);
    await on.getByRole("button", { name: "Share" }).click();
    await on.getByRole("button", { name: "Create a link" }).click();
    const link = await on.getByLabel("Link", { exact: true }).inputValue();
    const shared = await fetch(link);
    check("a link shows the transcript", shared.ok && (await shared.text()).includes("budget"), link);
    await on.getByRole("button", { name: "Revoke" }).click();
    await until("a revoked link does not", async () => !(await fetch(link)).ok, 5000);
  },

  async "a correction goes to the glossary"() {
    await meeting();
    const on = await open();
    await edit(on, 1, "server", "harbour");
    await on.locator(".fix").waitFor();
    await on.keyboard.press("g");
    await on.locator(".toast-good").waitFor();
    const { json } = await api("GET", "/glossaries/corrections");
    check("it is a rule", JSON.stringify(json).includes("harbour"), json);
  },

  async "words of a running job are played as they come"() {
    const form = new FormData();
    // Long enough to be looked at before it ends.
    const once = fs.readFileSync(recording("harbour.mp3"));
    form.set("file", new Blob([once, once, once, once]), "harbour.mp3");
    for (const [name, value] of Object.entries(MODEL)) form.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
    form.set("no_cache", "true");
    const sent = await (await fetch(`${base}/transcribe`, { method: "POST", body: form })).json();
    const on = await page(`#/job/${sent.id}`, { height: 480, width: 500 });
    await on.locator(".turn .w").first().waitFor();
    const running = await on.locator(".running").count();
    await word(on, 0, 1).click();
    await on.locator(".now").waitFor();
    check("a word is played while the job runs", running === 1 && (await on.locator(".running").count()) === 1);
    await on.keyboard.press("Space");
    await on.mouse.move(250, 250);
    await on.mouse.wheel(0, 60);
    await until("it is scrolled", async () => (await on.evaluate(() => scrollY)) > 0);
    const top = () => segment(on, 0).evaluate((element) => element.getBoundingClientRect().top);
    const before = await top();
    await on.getByRole("button", { name: "Export" }).waitFor();
    check("the text does not move under the reader", Math.abs((await top()) - before) <= 2, [before, await top()]);
    await until("words have their times", async () => (await on.locator(".turn-edit").count()) > 0);
  },

  async "following stops when the reader scrolls"() {
    await meeting();
    const on = await open({ height: 480, width: 500 });
    await word(on, 0, 0).click();
    await on.locator(".play[aria-label=Pause]").waitFor();
    await on.mouse.move(250, 250);
    await on.mouse.wheel(0, 700);
    await on.locator(".follow").waitFor();
    const at = await on.evaluate(() => scrollY);
    await on.waitForTimeout(1500);
    check("the page stays where the reader is", (await on.evaluate(() => scrollY)) === at);
    await axe(on, "the offer to follow");
    await on.locator(".follow").click();
    await until("it follows again", async () => on.evaluate(() => {
      const lit = document.querySelector(".now")?.getBoundingClientRect();
      return lit && lit.top > 100 && lit.bottom < innerHeight - 100;
    }), 5000);
  },

  async "faults of the recording are at their place"() {
    await meeting();
    const on = await page();
    await on.route(`**/jobs/${job}/transcript?format=json`, async (route) => {
      const response = await route.fetch();
      const doc = await response.json();
      doc.truncated = [{ start: 5.5, end: 5.6, reason: "max_length" }];
      doc.audio = { issues: [{ kind: "gap", start: 15, end: 15.2, message: "0.2 s are missing" }] };
      doc.partial = { stage: "decode", reason: "audio_incomplete", message: "Sound is missing." };
      await route.fulfill({ response, json: doc });
    });
    await on.goto(`${base}/#/job/${job}`);
    await on.locator(".note").nth(1).waitFor();
    const order = await on.locator(".text-row").evaluateAll((rows) => rows.map((row) => (row.querySelector(".note") ? "note" : "turn")).join(" "));
    check("between the turns", order.startsWith("turn note turn turn note turn"), order);
    await axe(on, "the notes");
  },

  // A load test: the words are synthetic, the page and its scrolling are real.
  async "one hundred thousand words scroll"() {
    await meeting();
    const on = await page();
    const text = JSON.stringify(longTranscript(100_000));
    await on.route(`**/jobs/${job}/transcript?format=json`, (route) =>
      route.fulfill({ body: text, headers: { "Content-Type": "application/json", ETag: '"0-0"' } }),
    );
    const before = Date.now();
    await on.goto(`${base}/#/job/${job}`);
    await on.locator(".turn").first().waitFor();
    console.log(`   ${(text.length / 1e6).toFixed(1)} MB shown after ${Date.now() - before} ms`);
    await on.waitForTimeout(1000);
    // Whatever the speed, no frame is empty. `measure.mjs` measures the frames.
    for (const [name, step] of [["reading", 12], ["a fast wheel", 60], ["a fling", 200]]) {
      const empty = await on.evaluate(
        (step) =>
          new Promise((resume) => {
            let [frames, empty] = [0, 0];
            const frame = () => {
              const rows = [...document.querySelectorAll(".text-row")].map((row) => row.getBoundingClientRect());
              if (!rows.some(({ top, bottom }) => top < innerHeight / 2 && bottom > innerHeight / 2 - 40)) empty += 1;
              if ((frames += 1) > 120) return resume(empty);
              scrollBy(0, step);
              requestAnimationFrame(frame);
            };
            requestAnimationFrame(frame);
          }),
        step,
      );
      check(`${name} shows text in every frame`, empty === 0, empty);
    }
    const [words, elements] = await on.evaluate(() => [document.querySelectorAll(".w").length, document.querySelectorAll("*").length]);
    check("few words are in the page", words < 2500, words);
    console.log(`   ${words} words and ${elements} elements in the page`);
    // The text in the viewport stays where it is while rows above it get their real heights.
    await on.evaluate(() => scrollTo(0, document.documentElement.scrollHeight * 0.6));
    await on.waitForTimeout(400);
    const reading = () => on.evaluate(() => {
      const row = [...document.querySelectorAll(".text-row")].find((each) => each.getBoundingClientRect().bottom > 200);
      return `${row.querySelector(".seg").dataset.s} ${Math.round(row.getBoundingClientRect().top)}`;
    });
    const at = await reading();
    await on.waitForTimeout(1000);
    check("nothing moves by itself", (await reading()) === at, [at, await reading()]);
    await on.keyboard.press("Control+f");
    await on.getByPlaceholder("Find").fill("midnight however");
    await until("all is searched", async () => / of /.test(await on.locator(".find output").innerText()));
    await on.keyboard.press("Enter");
    await on.locator(".found-now").first().waitFor();
    const visible = await on.locator(".found-now").first().evaluate((element) => element.getBoundingClientRect().top);
    check("a match far away is shown", visible > 0 && visible < 860, visible);
    await on.goto(`${base}/#/job/${job}?t=30000`);
    await until("a time far away is shown", async () => on.locator(".now").evaluate((element) => {
      const { top } = element.getBoundingClientRect();
      return top > 100 && top < innerHeight - 150;
    }, undefined, { timeout: 5000 }).catch(() => false));
  },

  async "text from right to left, every width, both colours"() {
    await meeting();
    await correct([{ op: "replace_words", segment: 0, word: 0, count: 1, text: "هل نبدأ بالميزانية؟ ثم ننتقل إلى" }]);
    for (const scheme of ["light", "dark"])
      for (const [width, locale] of [[360, "en-US"], [768, "de-DE"], [1440, "es-ES"], [768, "ar-EG"]]) {
        const on = await open({ width, scheme, locale });
        const wide = await on.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(`it fits ${width} px`, wide <= 0, `${wide} px too wide`);
        const direction = await on.locator(".said").first().evaluate((element) => getComputedStyle(element).direction);
        check("the text has its direction", direction === "rtl", direction);
        await axe(on, `the transcript at ${width} px, ${scheme}, ${locale}`);
        await on.context().close();
      }
  },
};

await run(cases);
