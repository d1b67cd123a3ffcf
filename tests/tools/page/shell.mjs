// The page but for its transcript view, driven in Chromium: input, options, queue, library, system. See browser.mjs.

import fs from "node:fs";
import { api, axe, base, check, empty, key, page, pid, recording, run, seen, transcribed, until } from "./browser.mjs";

/** Chooses files, as the button does. */
const choose = (on, ...names) => on.locator("[data-chooser=files]").setInputFiles(names.map(recording));
const start = (on) => on.locator(".start button.primary").click();
const model = (on, value) => on.locator(".options-main select").first().selectOption(value);
const jobs = async () => (await api("GET", "/jobs?limit=100")).json.jobs;
const ended = (on, name, status = "completed") =>
  on.locator(`.row[data-status=${status}]`, { hasText: name }).waitFor({ timeout: 240_000 });
/** The model that all tests use; a real one, and small. */
const MODEL = process.env.CESAR_PAGE_MODEL ?? "ct2/tiny.en";

async function ready(on) {
  await on.locator(`.options-main option[value="${MODEL}"]`).waitFor({ state: "attached" });
  await model(on, MODEL);
  await on.locator(".options-main select").nth(2).selectOption("off");
}

/** Stops the page's time. */
async function stopTime(on) {
  try {
    await on.clock.pauseAt((await on.evaluate(() => Date.now())) + 500);
  } catch (error) {
    // On a busy machine that time has passed before it is asked for. It stands still all the same.
    if (!/to the past/.test(error.message)) throw error;
  }
}

async function sentJob(on, action) {
  const [request] = await Promise.all([
    on.waitForRequest((each) => each.method() === "POST" && /\/transcribe(\/url)?$/.test(each.url())),
    action(),
  ]);
  return request.postDataJSON();
}

const cases = {
  async "several files are sent and transcribed"() {
    await empty();
    const on = await page();
    await ready(on);
    const usual = on.locator(".options-main select").first().locator("option").first();
    check("the default model has its name", (await usual.innerText()) === "Default (tiny.en)", await usual.innerText());
    await choose(on, "short.wav", "welcome.ogg");
    check("size and kind are shown", (await on.locator(".tray-row").first().innerText()).includes("WAV"));
    await start(on);
    await Promise.all([ended(on, "short.wav"), ended(on, "welcome.ogg")]);
    check("both are jobs of the server", (await jobs()).length === 2);
    check("the tray is empty", (await on.locator(".tray-row").count()) === 0);
    await choose(on, "short.wav");
    await on.locator(".known a").waitFor();
    check("the same bytes are recognised", (await on.locator(".tray-row input").isChecked()) === false);
    await on.locator(".known a").click();
    await on.waitForURL(/#\/job\//);
    await on.locator("main > *").first().waitFor();
  },

  async "a part of a recording is not its transcript"() {
    await empty();
    const [plugin, name] = MODEL.split("/");
    await transcribed("harbour.mp3", { asr_plugin: plugin, model: name, diarize: "false", end_time: "5" });
    const on = await page();
    await Promise.all([
      on.waitForResponse((answer) => answer.url().includes("/jobs?recording=")),
      choose(on, "harbour.mp3"),
    ]);
    await until("the recording is compared", async () => (await on.getByText("Comparing").count()) === 0);
    check("it is to be sent", await on.locator(".tray-row input").isChecked());
    check("nothing else is offered", (await on.locator(".known").count()) === 0);
  },

  async "drop, paste, folder and address"() {
    const on = await page();
    await on.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["x"], "dropped.mp3", { type: "audio/mpeg" }));
      dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
    });
    await on.getByText("dropped.mp3", { exact: true }).waitFor();
    await on.goto(`${base}/#/library`);
    await on.getByRole("heading", { name: "Library" }).waitFor();
    await on.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["y"], "elsewhere.mp3", { type: "audio/mpeg" }));
      dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
    });
    await on.getByText("elsewhere.mp3", { exact: true }).waitFor();
    await on.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.setData("text/plain", "https://recordings.invalid/talk.mp3");
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
    });
    await on.getByText("https://recordings.invalid/talk.mp3", { exact: true }).waitFor();
    await on.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["y"], "pasted.wav", { type: "audio/wav" }));
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
    });
    await on.getByText("pasted.wav", { exact: true }).waitFor();
    const folder = fs.mkdtempSync("/tmp/cesar-folder-");
    for (const name of ["short.wav", "short.txt", "welcome.ogg"]) fs.copyFileSync(recording(name), `${folder}/${name}`);
    await on.locator("[data-chooser=folder]").setInputFiles(folder);
    await on.locator(".tray").getByText("welcome.ogg", { exact: true }).waitFor();
    check("a folder gives its recordings only", (await on.getByText("short.txt", { exact: true }).count()) === 0);
    await on.locator("#address").fill("no address");
    await on.locator(".address button").click();
    await on.locator("#address-wrong").waitFor();
    await on.locator("#address").fill("https://recordings.invalid/other.mp3");
    await on.keyboard.press("Enter");
    await on.getByText("https://recordings.invalid/other.mp3", { exact: true }).waitFor();
    check("each is there once", (await on.locator(".tray-row").count()) === 7, await on.locator(".tray-row").count());
    await axe(on, "the filled tray");
  },

  async "what cannot be transcribed is refused in a sentence"() {
    await empty();
    const on = await page();
    await ready(on);
    await on.locator("#address").fill("http://127.0.0.1:9/talk.mp3");
    await on.keyboard.press("Enter");
    const sent = await sentJob(on, () => start(on));
    check("an address is sent with the options", sent.url === "http://127.0.0.1:9/talk.mp3" && sent.model === "tiny.en", sent);
    const refusal = await on.locator(".tray-row .wrong").first().innerText();
    check("its refusal has the remedy", refusal.includes("127.0.0.1") && refusal.includes("server.allow_private_addresses"), refusal);
    check("it stays to be changed", (await on.locator(".tray-row").count()) === 1);
    await on.reload();
    await ready(on);
    await on.locator("[data-chooser=files]").setInputFiles({
      name: "<b>no sound.mp3",
      mimeType: "audio/mpeg",
      buffer: Buffer.from("This is a text. ".repeat(500)),
    });
    await start(on);
    const row = on.locator(".row[data-status=error]");
    await row.waitFor();
    const fault = await row.locator(".fault").innerText();
    check("its failure has the remedy", fault.includes("is not a recording") && fault.includes("check that"), fault);
    await row.getByRole("button", { name: "Retry" }).waitFor();
    check("the name of a file is text", (await row.locator("b").count()) === 0 && (await row.innerText()).includes("<b>no sound.mp3"));
    await axe(on, "a failed job");
  },

  async "one refused address holds up nothing"() {
    await empty();
    const on = await page();
    await ready(on);
    for (const address of ["http://127.0.0.1:9/one.mp3", "http://127.0.0.1:9/two.mp3"]) {
      await on.locator("#address").fill(address);
      await on.keyboard.press("Enter");
    }
    await choose(on, "short.wav");
    await start(on);
    await until("each has its reason", async () => (await on.locator(".tray-row .wrong").count()) === 2);
    await ended(on, "short.wav");
    check("the recording is a job", (await jobs()).length === 1);
  },

  async "what is typed survives a reload"() {
    await empty();
    const job = await transcribed("short.wav");
    const on = await page();
    await on.locator("#address").fill("https://recordings.invalid/half");
    await on.reload();
    check("an address", (await on.locator("#address").inputValue()) === "https://recordings.invalid/half");
    await on.locator("#address").fill("");
    await on.reload();
    check("until it is given up", (await on.locator("#address").inputValue()) === "");
    await on.goto(`${base}/#/library`);
    await on.getByRole("button", { name: "Rename short.wav" }).click();
    await on.getByLabel("Title").fill("Half a title");
    await on.reload();
    await on.getByRole("button", { name: "Rename short.wav" }).click();
    check("a title", (await on.getByLabel("Title").inputValue()) === "Half a title");
    await on.getByRole("button", { name: "Cancel" }).click();
    await on.getByRole("button", { name: "Rename short.wav" }).click();
    check("until it is cancelled", (await on.getByLabel("Title").inputValue()) === "short.wav");
    check("the job has its name", (await api("GET", `/jobs/${job.id}`)).json.title == null);
  },

  async "a value that does not fit is not left out"() {
    await empty();
    const on = await page();
    await ready(on);
    await on.locator("summary", { hasText: "More options" }).click();
    await on.locator("summary", { hasText: "Speech recognition" }).click();
    await on.getByLabel("beam_size", { exact: true }).fill("99");
    await choose(on, "short.wav");
    await start(on);
    await on.locator(".toast-bad", { hasText: "does not fit" }).waitFor();
    check("the focus is on it", await on.evaluate(() => document.activeElement.getAttribute("aria-invalid") === "true"));
    check("nothing was sent", (await jobs()).length === 0);
    const field = on.getByLabel("beam_size", { exact: true });
    check("it is shown to be corrected", (await field.inputValue()) === "99", await field.inputValue());
    await field.fill("");
    await start(on);
    await ended(on, "short.wav");
  },

  async "hidden characters and odd addresses are harmless"() {
    const on = await page("#/job/..%2F..%2Fx");
    await on.locator(".composer").waitFor();
    await on.locator("[data-chooser=files]").setInputFiles({ name: "cod\u202E3pm.wav", mimeType: "audio/wav", buffer: Buffer.from("x") });
    await on.getByText("cod\\u202E3pm.wav", { exact: true }).waitFor();
  },

  async "a lost connection resumes an upload"() {
    await empty();
    const on = await page();
    await ready(on);
    const offsets = [];
    let [broken, isSeen] = [0, false];
    await on.route("**/uploads/*", async (route) => {
      if (route.request().method() !== "PATCH") return route.continue();
      if (broken < 2 || !isSeen) {
        broken += 1;
        return route.abort("connectionreset");
      }
      offsets.push(route.request().headers()["upload-offset"]);
      return route.continue();
    });
    await choose(on, "harbour.mp3");
    await start(on);
    await on.getByText("Connection lost").waitFor();
    isSeen = true;
    await ended(on, "harbour.mp3");
    check("it was sent after two broken attempts", broken >= 2 && offsets.length > 0, offsets);
  },

  async "a reload resumes an upload"() {
    await empty();
    const on = await page();
    await ready(on);
    const big = `/tmp/cesar-big-${process.pid}.wav`;
    const wave = fs.readFileSync(recording("short.wav"));
    fs.writeFileSync(big, Buffer.concat([wave, Buffer.alloc(20 * 1024 * 1024)]));
    let count = 0;
    await on.route("**/uploads/*", async (route) => {
      if (route.request().method() !== "PATCH") return route.continue();
      count += 1;
      return count === 1 ? route.continue() : undefined;
    });
    await on.locator("[data-chooser=files]").setInputFiles(big);
    await start(on);
    await until("a second piece is on its way", () => count === 2);
    await on.unroute("**/uploads/*");
    await on.reload();
    await on.getByText("Choose the same file again").waitFor();
    const [request] = await Promise.all([
      on.waitForRequest((each) => each.method() === "PATCH"),
      on.locator(".row-actions input[type=file]").setInputFiles(big),
    ]);
    check("it resumes where it was", Number(request.headers()["upload-offset"]) >= 8 * 1024 * 1024, request.headers());
    await until("it is submitted", async () => (await jobs()).length === 1);
    fs.rmSync(big);
  },

  async "options are sent and remembered"() {
    const on = await page();
    await ready(on);
    await on.locator("summary", { hasText: "More options" }).click();
    await on.getByLabel("Names of the speakers").fill("Ann, Bo");
    await on.locator("summary", { hasText: "Speech recognition" }).click();
    await on.getByLabel("beam_size", { exact: true }).fill("99");
    await on.keyboard.press("Tab");
    await on.getByText("This value does not fit").waitFor();
    await on.getByLabel("beam_size", { exact: true }).fill("2");
    await on.keyboard.press("Tab");
    const all = await on.locator(".option").count();
    await on.getByPlaceholder("Find an option").fill("beam");
    await until("options are found by name", async () => {
      const found = await on.locator(".option").count();
      return found >= 1 && found < all;
    });
    await axe(on, "the options");
    await on.reload();
    await on.locator(`.options-main option[value="${MODEL}"]`).waitFor({ state: "attached" });
    check("the model is remembered", (await on.locator(".options-main select").first().inputValue()) === MODEL);
    await choose(on, "short.wav");
    const sent = await sentJob(on, async () => {
      await until("known or not", async () => (await on.getByText("Comparing").count()) === 0);
      if (!(await on.locator(".tray-row input").isChecked())) await on.locator(".tray-row input").check();
      await start(on);
    });
    check(
      "they are sent",
      sent.model === "tiny.en" && sent.options.beam_size === 2 && sent.options.word_timestamps,
      sent,
    );
  },

  async "a model that is absent is offered with its size"() {
    const { json } = await api("GET", "/models");
    const absent = json.models.find((each) => !each.present && each.plugin === MODEL.split("/")[0] && each.size);
    const on = await page();
    await on.locator(`.options-main option[value="${absent.plugin}/${absent.name}"]`).waitFor({ state: "attached" });
    await model(on, `${absent.plugin}/${absent.name}`);
    await on.locator(".notice", { hasText: /\d+(\.\d+)? (MB|GB)/ }).waitFor();
    await choose(on, "welcome.ogg");
    await on.getByRole("button", { name: "Download the model and transcribe" }).waitFor();
    await axe(on, "an absent model");
    await on.goto(`${base}/#/system`);
    await on.getByRole("button", { name: /Show \d+ models to download/ }).click();
    await on
      .getByRole("button", { name: `Download ${absent.name}`, exact: true })
      .first()
      .waitFor();
  },

  async "jobs beyond the first page of the list are shown"() {
    await empty();
    const job = await transcribed("short.wav");
    const on = await page();
    const known = new Set(["limit", "after"]);
    await on.route(/\/jobs\?limit=100/, (route) => {
      const query = new URL(route.request().url()).searchParams;
      if ([...query.keys()].some((name) => !known.has(name))) return route.fulfill({ status: 400, json: {} });
      const isLast = query.get("after") === "first";
      const view = { ...job, result: undefined, id: isLast ? "second" : "first", label: isLast ? "older.wav" : "newer.wav" };
      return route.fulfill({ json: { jobs: [view], next: isLast ? null : "first" } });
    });
    await on.goto(`${base}/#/library`);
    await on.reload();
    await on.getByText("newer.wav", { exact: true }).waitFor();
    await on.getByText("older.wav", { exact: true }).waitFor();
    await on.getByText(/^kept until /).first().waitFor();
  },

  async "the queue survives a reload, cancels and retries"() {
    await empty();
    const on = await page();
    await ready(on);
    await on.locator("summary", { hasText: "More options" }).click();
    await on.getByLabel("Ignore cached results").check();
    // The first one takes long enough for the reload and the click.
    await choose(on, "interview.m4a", "harbour.mp3", "welcome.ogg", "short.wav");
    await start(on);
    await on.locator(".row[data-status=processing]").first().waitFor();
    check("nothing moves where motion is to be reduced", (await on.evaluate(() => document.getAnimations().length)) === 0);
    await until("all are jobs", async () => (await jobs()).length === 4);
    await on.locator(".row[data-status=queued]").first().waitFor();
    await on.reload();
    await on.locator(".row[data-status=processing]").first().waitFor();
    const waiting = on.locator(".row[data-status=queued]").last();
    const id = await waiting.getAttribute("data-job");
    await waiting.getByRole("button").click();
    const row = on.locator(`.row[data-job="${id}"]`);
    await row.and(on.locator("[data-status=cancelled]")).waitFor();
    await row.getByRole("button", { name: "Retry" }).click();
    await row.and(on.locator("[data-status=completed]")).waitFor({ timeout: 240_000 });
    // The other jobs may end later than this one.
    const unfinished = ".row progress, .row[data-status=queued], .row[data-status=processing]";
    await on.waitForFunction((rows) => !document.querySelector(rows), unfinished, { timeout: 240_000 });
    check("each bar reaches its end", (await on.locator(".row[data-status=completed]").count()) === 4);
  },

  async "the cache says what it saved"() {
    await empty();
    await transcribed("harbour.mp3");
    const again = await transcribed("harbour.mp3");
    const on = await page();
    await on.locator(`.row[data-job="${again.id}"] .saved`).waitFor();
    check("a hit is shown", true);
  },

  async "the microphone is recorded and sent as it grows"() {
    await empty();
    const on = await page();
    await ready(on);
    await on.getByRole("button", { name: "Record" }).click();
    await on.locator(".meter .lit").first().waitFor();
    await until(
      "bytes arrive while it runs",
      async () => !(await on.locator(".recorder .small").innerText()).startsWith("0 "),
    );
    await axe(on, "the recorder");
    await on.locator(".places a").nth(1).click();
    await on.locator(".recording-chip").waitFor();
    await on.getByRole("heading", { name: "Library" }).waitFor();
    await axe(on, "another place while it records");
    await on.locator(".recording-chip").click();
    await on.waitForTimeout(2500);
    await on.getByRole("button", { name: "Stop and transcribe" }).click();
    await ended(on, "Recording");
    const [job] = await jobs();
    const { json } = await api("GET", `/jobs/${job.id}`);
    const text = json.result.segments.map((segment) => segment.text).join("");
    check("it has words", text.trim().length > 3, text);
  },

  async "a recording survives a reload"() {
    await empty();
    const on = await page();
    await ready(on);
    await on.getByRole("button", { name: "Record" }).click();
    await until("bytes arrive", async () => !(await on.locator(".recorder .small").innerText()).startsWith("0 "));
    await on.waitForTimeout(2000);
    on.on("dialog", (dialog) => dialog.accept());
    await on.reload();
    await on.getByRole("button", { name: "Transcribe it" }).click();
    await ended(on, "Recording");
    check("what was acknowledged is transcribed", (await jobs()).length === 1);
  },

  async "the library searches, renames and deletes"() {
    await empty();
    const job = await transcribed("harbour.mp3");
    const on = await page("#/library");
    await on.locator(`.row[data-job="${job.id}"]`).waitFor();
    check("jobs are listed by day", (await on.locator("main h2").first().innerText()) === "Today");
    await axe(on, "the library");
    await on.getByLabel("Search all transcripts").fill("ferry");
    await on.locator(".passage mark").first().waitFor();
    await axe(on, "the hits");
    const link = await on.locator(".passage").first().getAttribute("href");
    check("a hit leads to its time", /^#\/job\/.+\?t=[\d.]+$/.test(link), link);
    await on.locator(".passage").first().click();
    await on.locator(".play[aria-label=Pause]").waitFor();
    await until("a click plays it", async () => (await on.locator(".now").count()) > 0, 5000);
    await on.locator(".places a").nth(1).click();
    await on.getByLabel("Search all transcripts").fill("ferry");
    await on.locator(".passage").first().waitFor();
    await on.getByRole("button", { name: "Clear the search" }).click();
    await on.getByRole("button", { name: "Details of harbour.mp3" }).click();
    await on.locator(".stage-row .chip").first().waitFor();
    await axe(on, "the details");
    await on.keyboard.press("Escape");
    await on.locator("dialog").waitFor({ state: "detached" });
    await on.getByRole("button", { name: "Rename harbour.mp3" }).click();
    await axe(on, "the dialog");
    await on.getByLabel("Title").fill("Harbour <b>radio</b>");
    await on.keyboard.press("Enter");
    await on.getByRole("link", { name: "Harbour <b>radio</b>" }).waitFor();
    check("a title is text", (await on.locator(".name b").count()) === 0);
    await on.reload();
    await on.getByRole("button", { name: "Delete Harbour" }).click();
    await on.getByRole("button", { name: "Delete", exact: true }).click();
    await on.getByText(/^Deleted: .*job.*upload/).waitFor();
    check("the job is gone", (await jobs()).length === 0);
  },

  async "the system shows health, models, cache and plugins"() {
    await transcribed("short.wav");
    const on = await page("#/system");
    for (const name of ["Server", "Cache", "Plugins"]) await on.getByRole("heading", { name, exact: true }).waitFor();
    await axe(on, "the system");
    await on.getByRole("button", { name: "Clear Transcripts" }).click();
    await on.locator("dialog").getByRole("button", { name: "Clear", exact: true }).click();
    await on.getByText("is cleared").waitFor();
    await on.getByRole("button", { name: "Scan again" }).click();
    await on.getByText("The plugins were scanned").waitFor();
  },

  async "a lost server is noticed within three seconds"() {
    if (!pid) return console.log("-- without SERVER_PID");
    const on = await page("", { clock: true });
    await on.locator(".options-main option").first().waitFor({ state: "attached" });
    // From here on the page's time stands still but for what is turned: this machine may have other work meanwhile.
    await until("its time stands still while nothing is lost", async () => {
      await stopTime(on);
      if (!(await on.locator(".lost").count())) return true;
      await on.clock.resume();
      return false;
    });
    process.kill(pid, "SIGSTOP");
    try {
      await on.clock.runFor(3000);
      // Half a second to draw, in steps, as what is drawn waits for the browser as well.
      for (let turned = 0; turned < 500 && !(await on.locator(".lost").count()); turned += 25) {
        await on.clock.runFor(25);
        await new Promise((resume) => setTimeout(resume, 50));
      }
      check("within 3 s, and half a second to draw", (await on.locator(".lost").count()) === 1);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await on.clock.resume();
    await on.locator(".lost").waitFor({ state: "detached" });
    await on.getByText("The server is back").waitFor();
  },

  async "a key is asked for once"() {
    if (!key) return console.log("-- without CESAR_PAGE_KEY");
    const { id } = await transcribed("short.wav");
    const on = await page("", { signIn: false });
    const addresses = [];
    on.on("request", (request) => addresses.push(request.url()));
    await axe(on, "the question for the key");
    await on.getByLabel("API key").fill("wrong");
    await on.keyboard.press("Enter");
    await on.getByText("does not accept").waitFor();
    await on.getByLabel("API key").fill(key);
    await on.keyboard.press("Enter");
    await on.locator(".composer").waitFor();
    await on.reload();
    await on.locator(".composer").waitFor();
    const [cookie] = await on.context().cookies();
    check("no script sees the key", cookie.httpOnly && cookie.sameSite === "Strict", cookie);
    check(
      "the key is in no storage of scripts",
      !(await on.evaluate(() => JSON.stringify(localStorage))).includes(key),
    );
    await on.goto(`${base}/#/job/${id}`);
    await on.locator(".play:not([disabled])").click();
    await on.locator(".now").waitFor();
    check("the sound plays, and the key is in no address", addresses.length > 20 && !addresses.join().includes(key));
  },

  async "everything works from the keyboard"() {
    const on = await page();
    await on.locator(".options-main option").nth(1).waitFor({ state: "attached" });
    await on.keyboard.press("Tab");
    check("the first stop skips the header", (await on.evaluate(() => document.activeElement.className)) === "skip");
    await on.keyboard.press("Enter");
    check("it leads to the content", (await on.evaluate(() => document.activeElement.id)) === "main");
    const stops = [];
    for (let i = 0; i < 10; i += 1) {
      await on.keyboard.press("Tab");
      stops.push(
        await on.evaluate(
          () => document.activeElement.innerText?.trim() || document.activeElement.id || document.activeElement.tagName,
        ),
      );
    }
    for (const name of ["Choose files", "Folder", "Record", "address", "More options"])
      check(
        `Tab reaches ${name}`,
        stops.some((stop) => stop.includes(name)),
        stops,
      );
  },

  async "every width, both colours, every language"() {
    await transcribed("short.wav");
    for (const scheme of ["light", "dark"])
      for (const [width, hash] of [
        [360, ""],
        [360, "#/library"],
        [360, "#/system"],
        [768, ""],
        [1440, "#/system"],
        [1440, ""],
      ]) {
        const on = await page(hash, { width, scheme });
        await on.locator(".row, .panel").first().waitFor();
        const wide = await on.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(`${hash || "start"} fits ${width} px`, wide <= 0, `${wide} px too wide`);
        await axe(on, `${hash || "start"} at ${width} px, ${scheme}`);
        await on.context().close();
      }
    for (const locale of [
      "de-DE",
      "es-ES",
      "fr-FR",
      "it-IT",
      "pt-BR",
      "nl-NL",
      "pl-PL",
      "uk-UA",
      "ar-EG",
      "ja-JP",
      "zh-CN",
    ]) {
      const on = await page("", { locale, width: 360 });
      const [language, direction] = await on.evaluate(() => [
        document.documentElement.lang,
        document.documentElement.dir,
      ]);
      check(
        `${locale} is shown`,
        locale.startsWith(language) && (direction === "rtl") === (language === "ar"),
        language,
      );
      check(`${locale} is translated`, (await on.locator(".places").innerText()) !== "Transcribe\nLibrary\nSystem");
      const wide = await on.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(`${locale} fits 360 px`, wide <= 0, `${wide} px too wide`);
      await on.context().close();
    }
  },

  async "the first load is small and fast"() {
    const on = await page("", {});
    const session = await on.context().newCDPSession(on);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    let [sum, count] = [0, 0];
    const kinds = new Map();
    session.on("Network.responseReceived", ({ requestId, response }) =>
      kinds.set(requestId, new URL(response.url).pathname),
    );
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const where = kinds.get(requestId) ?? "";
      if (where === "/" || where.startsWith("/page/")) [sum, count] = [sum + encodedDataLength, count + 1];
    });
    await on.reload();
    await on.locator(".composer").waitFor();
    const interactive = await on.evaluate(() => performance.now());
    await on.waitForTimeout(1500);
    console.log(`   ${(sum / 1000).toFixed(1)} kB in ${count} files, ready after ${interactive.toFixed(0)} ms`);
    check("less than 150 kB", sum < 150_000, `${sum} bytes`);
  },
};

await run(cases);
