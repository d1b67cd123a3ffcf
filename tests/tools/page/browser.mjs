// Chromium for the tests of the page: what every case needs of it, and the runner of the cases.
//
//     node FILE.mjs NODE_MODULES BASE_URL RECORDINGS [CASE…]
//
// NODE_MODULES has playwright-core and axe-core (`cargo xtask clients`); BASE_URL is a running `cesar serve`; RECORDINGS is
// tests/fixtures. SERVER_PID names the process of the server, for cases that stop and continue it, and CESAR_PAGE_KEY its key where it
// wants one. Prints one line for each check, and ends with `all`, or with the first check that fails.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

export const [modules, base, recordings, ...only] = process.argv.slice(2);
export const pid = Number(process.env.SERVER_PID ?? 0);
export const key = process.env.CESAR_PAGE_KEY ?? "";
const { chromium } = await import(pathToFileURL(`${modules}/playwright-core/index.mjs`).href);
const axeSource = fs.readFileSync(`${modules}/axe-core/axe.min.js`, "utf8");

/** The path of a recording. */
export const recording = (name) => path.join(recordings, name);

export function check(what, fact, detail = "") {
  if (!fact) throw new Error(`${what}: ${typeof detail === "string" ? detail : JSON.stringify(detail)}`);
  console.log(`ok ${what}`);
}

/** Waits until `probe` answers something; the last answer says what there was instead. */
export async function until(what, probe, ms = 60_000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    last = await probe();
    if (last) return check(what, true) ?? last;
    await new Promise((resume) => setTimeout(resume, 100));
  }
  const page = open.at(-1);
  await page?.screenshot({ path: "failed.png" }).catch(() => {});
  throw new Error(`${what}: not within ${ms / 1000} s`);
}

/** A request to the API, beside the browser. */
export async function api(method, where, body) {
  const response = await fetch(base + where, {
    method,
    headers: {
      ...(body ? { "Content-Type": "application/json" } : {}),
      ...(key ? { Authorization: `Bearer ${key}` } : {}),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text.startsWith("{") ? JSON.parse(text) : null };
}

/** Removes all jobs, so that a case starts from an empty server. */
export async function empty() {
  for (;;) {
    const { json } = await api("GET", "/jobs?limit=100");
    if (!json.jobs.length) return;
    for (const job of json.jobs) await api("DELETE", `/jobs/${job.id}?remove=true&corrections=true`);
  }
}

/** Submits a recording beside the browser. */
export async function submitted(name, fields = { model: "tiny.en", diarize: false }) {
  const form = new FormData();
  form.set("file", new Blob([fs.readFileSync(recording(name))]), name);
  for (const [field, value] of Object.entries(fields))
    form.set(field, typeof value === "object" ? JSON.stringify(value) : String(value));
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const response = await fetch(`${base}/transcribe`, { method: "POST", body: form, headers });
  const job = await response.json();
  if (response.status !== 202) throw new Error(`${name}: ${JSON.stringify(job)}`);
  return job;
}

/** Submits a recording beside the browser, and waits for its end. */
export async function transcribed(name, fields) {
  let job = await submitted(name, fields);
  for (let i = 0; i < 3000 && ["queued", "downloading", "processing"].includes(job.status); i += 1) {
    await new Promise((resume) => setTimeout(resume, 100));
    job = (await api("GET", `/jobs/${job.id}`)).json;
  }
  if (job.status !== "completed") throw new Error(`${name}: ${JSON.stringify(job.error)}`);
  return job;
}

export const browser = await chromium.launch({
  executablePath: process.env.CESAR_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${recording("short.wav")}`,
    "--autoplay-policy=no-user-gesture-required",
  ],
});

const open = [];
/** Hosts that pages asked, and what their consoles reported. */
export const seen = { hosts: new Set(), faults: [] };

/** A page in a browser profile of its own, with `clock` one whose time can be turned. */
export async function page(
  hash = "",
  { width = 1280, height = 860, scheme = "light", locale = "en-US", signIn = true, motion = "reduce", clock = false } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    locale,
    reducedMotion: motion,
    permissions: ["microphone", "clipboard-read", "clipboard-write"],
  });
  if (key && signIn) {
    const { hostname } = new URL(base);
    await context.addCookies([
      { name: "cesar_key", value: key, domain: hostname, path: "/", httpOnly: true, sameSite: "Strict" },
    ]);
  }
  // Long, as other tests may want the machine at the same time: nothing here is to be fast.
  context.setDefaultTimeout(120_000);
  if (clock) await context.clock.install();
  const made = await context.newPage();
  made.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol)) seen.hosts.add(url.origin);
  });
  made.on("pageerror", (error) => seen.faults.push(`${error}`));
  made.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && /Content Security Policy|SyntaxError|TypeError|ReferenceError/.test(text))
      seen.faults.push(text);
  });
  await made.goto(`${base}/${hash}`);
  await made.locator("main > *").first().waitFor();
  open.push(made);
  return made;
}

/** Findings of axe-core on a page; the CSP is bypassed for its script by an isolated evaluation. */
export async function axe(on, what) {
  await on.evaluate(axeSource);
  const { violations } = await on.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  const found = violations.map(
    (each) =>
      `${each.id}: ${each.nodes
        .map((node) => `${node.target} ${node.failureSummary ?? ""}`)
        .slice(0, 3)
        .join(" | ")}`,
  );
  check(`axe finds nothing on ${what}`, found.length === 0, found.join("\n"));
}

/** Runs the cases, each by name; those named on the command line only, if there are any. */
export async function run(cases) {
  const unknown = only.filter((name) => !(name in cases));
  if (unknown.length) throw new Error(`there is no case \`${unknown.join("`, `")}\``);
  let failed = false;
  for (const [name, body] of Object.entries(cases)) {
    if (only.length && !only.includes(name)) continue;
    console.log(`# ${name}`);
    try {
      await body();
    } catch (error) {
      failed = true;
      console.log(`FAILED ${name}: ${error.message ?? error}`);
      await open
        .at(-1)
        ?.screenshot({ path: process.env.CESAR_PAGE_SHOT ?? "failed.png" })
        .catch(() => {});
    }
    while (open.length) await open.pop().context().close();
    if (failed) break;
  }
  if (!failed) {
    const others = [...seen.hosts].filter((origin) => origin !== new URL(base).origin);
    failed = others.length + seen.faults.length > 0;
    console.log(
      failed
        ? `FAILED other hosts ${others}, faults ${seen.faults.join("\n")}`
        : "ok no other host was asked, nothing was blocked, nothing threw",
    );
  }
  await browser.close();
  if (failed) process.exit(1);
  console.log("all");
}
