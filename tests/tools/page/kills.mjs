// The page while its server is killed and started again: uploads, jobs and corrections. See browser.mjs.
//
// SERVER_COMMAND is a list in JSON: the program and arguments of the server with which SERVER_PID was started, on the port of BASE_URL;
// SERVER_ENVIRONMENT an object with the variables that it had.

import { spawn } from "node:child_process";
import fs from "node:fs";
import { api, base, check, empty, page, pid, recording, run, transcribed, until } from "./browser.mjs";

const command = JSON.parse(process.env.SERVER_COMMAND);
const environment = JSON.parse(process.env.SERVER_ENVIRONMENT);
const MODEL = "ct2/tiny.en";

/** The server that runs. */
let server = { kill: () => process.kill(pid, "SIGKILL") };
process.on("exit", () => server.kill());

/** Kills the server without any warning; waits until nothing answers. */
async function kill() {
  server.kill();
  server = { kill() {} };
  await until("the server is dead", () => api("GET", "/health").then(() => false, () => true));
}

/** Starts it again on the same port and data; once more where another process has the port for a moment. */
async function restart() {
  let wanted = true;
  let child;
  const start = () => {
    child = spawn(command[0], command.slice(1), { env: { PATH: process.env.PATH, ...environment }, stdio: "ignore" });
    // This process ends without it, and kills it then.
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
  await until("the server runs again", () => api("GET", "/health").then(({ json }) => json?.status === "ok", () => false));
}

const lost = (on) => on.locator(".lost").waitFor();
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
  const file = `/tmp/cesar-long-${process.pid}.wav`;
  fs.writeFileSync(file, Buffer.concat([head, body]));
  return file;
}

async function ready(on) {
  await on.locator(`.options-main option[value="${MODEL}"]`).waitFor({ state: "attached" });
  await on.locator(".options-main select").first().selectOption(MODEL);
  await on.locator(".options-main select").nth(2).selectOption("off");
}

async function sent(on, files) {
  await on.locator("[data-chooser=files]").setInputFiles(files);
  await on.locator(".start button.primary").click();
}

const jobs = async () => (await api("GET", "/jobs?limit=100")).json.jobs;
const ended = (on) => on.locator(".row[data-status=completed]");

const cases = {
  async "an upload resumes when its server was killed"() {
    await empty();
    const on = await page();
    await ready(on);
    const file = long(600);
    const offsets = [];
    let held;
    const waiting = new Promise((resume) => {
      held = resume;
    });
    let release;
    const killed = new Promise((resume) => {
      release = resume;
    });
    await on.route("**/uploads/*", async (route) => {
      if (route.request().method() !== "PATCH") return route.continue();
      offsets.push(Number(route.request().headers()["upload-offset"]));
      if (offsets.length === 2) {
        // The first piece is acknowledged; the second goes to a server that is dead.
        held();
        await killed;
      }
      return route.continue();
    });
    await sent(on, file);
    await waiting;
    await kill();
    release();
    await lost(on);
    await on.getByText("Connection lost").waitFor();
    await restart();
    await back(on);
    await ended(on).waitFor();
    check("nothing acknowledged is sent again", offsets[0] === 0 && offsets.slice(1).every((offset) => offset >= offsets[1]), offsets);
    check("the first piece had arrived", offsets[1] >= 8 * 1024 * 1024, offsets);
    const [job, ...others] = await jobs();
    check("it is one job", others.length === 0, others);
    const { json } = await api("GET", `/jobs/${job.id}`);
    check("it has its words", /close the door/i.test(json.result.segments.map(({ text }) => text).join(" ")), json.result);
    fs.rmSync(file);
  },

  async "jobs end once when their server was killed"() {
    await empty();
    const on = await page();
    await ready(on);
    const names = ["interview.m4a", "harbour.mp3", "welcome.ogg"];
    await sent(on, names.map(recording));
    const row = on.locator(".row[data-status=processing]");
    await row.first().waitFor();
    await until("all are jobs", async () => (await jobs()).length === names.length);
    await kill();
    await lost(on);
    const before = await on.locator(".row[data-job]").evaluateAll((rows) => rows.map((each) => each.dataset.job).sort());
    check("every row stays", before.length === names.length, before);
    await restart();
    await back(on);
    await until("all end", async () => (await ended(on).count()) === names.length, 240_000);
    const after = (await jobs()).map(({ id }) => id).sort();
    check("they are the same jobs, each once", after.join() === before.join(), after);
    await on.locator(".row", { hasText: "welcome.ogg" }).getByRole("link").first().click();
    await until("the words are shown", async () => /museum/i.test(await on.locator(".turn").first().innerText()));
  },

  async "a correction is kept when its server was killed"() {
    await empty();
    const { id } = await transcribed("welcome.ogg", { model: "tiny.en", diarize: false, options: { word_timestamps: true } });
    const text = async () => {
      const { json } = await api("GET", `/jobs/${id}/transcript?format=json`);
      return json.segments.map((segment) => segment.text).join(" ");
    };
    const revision = async () => (await api("GET", `/jobs/${id}/transcript/history`)).json.revision;
    const open = async (on) => {
      await on.goto(`${base}/#/job/${id}`);
      await on.locator(".turn").first().waitFor();
    };
    const field = (on) => on.locator(".typing textarea");
    const type = async (on, from, to) => {
      await on.locator('[data-s="0"] > [data-w="0"]').dblclick();
      const before = await field(on).inputValue();
      check(`the passage has ${from}`, before.includes(from), before);
      await field(on).fill(before.replace(from, to));
    };
    const saved = (on) => on.locator(".saving-saved", { hasText: "Saved" }).waitFor();

    // Numbers continue after the corrections of earlier runs, which `empty` has removed.
    const first = await revision();
    const on = await page(`#/job/${id}`);
    await on.locator(".turn").first().waitFor();
    await type(on, "museum", "gallery");
    await kill();
    await on.keyboard.press("Enter");
    await lost(on);
    await on.locator(".saving-waiting").waitFor();
    check("it is shown all the same", (await on.locator('[data-s="0"]').innerText()).includes("gallery"));
    await restart();
    await back(on);
    await saved(on);
    check("it is saved by itself, once", (await text()).includes("gallery") && (await revision()) === first + 1, await text());

    await kill();
    await restart();
    check("what was saved is there", (await text()).includes("gallery") && (await revision()) === first + 1);

    await open(on);
    await type(on, "gallery", "palace");
    await kill();
    await lost(on);
    check("what is typed stays in its field", (await field(on).inputValue()).includes("palace"));
    await restart();
    await on.reload();
    await field(on).waitFor();
    check("a reload brings it back", (await field(on).inputValue()).includes("palace"));
    await kill();
    await on.keyboard.press("Enter");
    await on.locator(".saving-waiting").waitFor();
    await on.goto("about:blank");
    await restart();
    await open(on);
    await until("the next window sends what was not", async () => (await text()).includes("palace"));
    check("nothing is applied twice", (await revision()) === first + 2, await text());
  },
};

await run(cases);
