// Drives a running `cesar serve` with OpenAI's own client for Node, as published: forms, formats, streaming, models and errors.
//
//     node openai_client.mjs NODE_MODULES BASE_URL RECORDING
//
// RECORDING is three seconds; the server's engine is the echo of tests/third-party. Prints one line for each check, and ends with the
// first that fails.

import { File } from "node:buffer";
import fs from "node:fs";
import { pathToFileURL } from "node:url";

// The client asks for this where Node is older than 20, as Debian's may be.
globalThis.File ??= File;

const [modules, base, recording] = process.argv.slice(2);
const { default: OpenAI, toFile } = await import(pathToFileURL(`${modules}/openai/index.mjs`).href);
const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "local", timeout: 120_000 });
const TEXT = "second 0 peaks at";

function check(what, fact, detail = "") {
  if (!fact) {
    console.log(`FAILED ${what}: ${typeof detail === "string" ? detail : JSON.stringify(detail)}`);
    process.exit(1);
  }
  console.log(`ok ${what}`);
}

const transcribe = (more = {}) =>
  client.audio.transcriptions.create({ model: "echo", file: fs.createReadStream(recording), ...more });

async function refused(what, kind, call) {
  try {
    await call();
  } catch (error) {
    check(what, error instanceof kind, String(error));
    return error;
  }
  return check(what, false, "nothing was refused");
}

const { text } = await transcribe();
check("a stream of a file", text.startsWith(TEXT), text);
const bytes = fs.readFileSync(recording);
check("bytes", (await transcribe({ file: await toFile(bytes, "naïve.wav") })).text === text);
for (const model of ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"]) {
  check(`${model} is the default`, (await transcribe({ model })).text === text);
}

check("text", (await transcribe({ response_format: "text" })) === `${text}\n`);
const verbose = await transcribe({
  response_format: "verbose_json",
  timestamp_granularities: ["segment"],
  language: "English",
});
check("verbose_json", verbose.language === "english" && verbose.duration === 3, verbose);
check("segments", verbose.segments.length === 3 && verbose.segments[1].start === 1, verbose.segments);

const events = [];
for await (const event of await transcribe({ stream: true })) events.push(event);
const deltas = events.filter((event) => event.type === "transcript.text.delta").map((event) => event.delta);
check("a stream's deltas", deltas.join("") === text, deltas);
check("a stream's end", events.at(-1).type === "transcript.text.done" && events.at(-1).text === text, events);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
check("models", models.includes("echo") && models.includes("gpt-4o-transcribe"), models);

let error = await refused("an unknown model", OpenAI.NotFoundError, () => transcribe({ model: "gpt-9" }));
check("its code", error.code === "model_not_found" && error.param === "model", String(error));
error = await refused("no language", OpenAI.BadRequestError, () => transcribe({ language: "Englsh" }));
check("its nearest", error.param === "language" && error.message.includes("did you mean `English` (`en`)?"), error.message);
await refused("a file that is none", OpenAI.BadRequestError, async () =>
  transcribe({ file: await toFile(Buffer.from("noise"), "a.wav") }),
);
console.log("all");
