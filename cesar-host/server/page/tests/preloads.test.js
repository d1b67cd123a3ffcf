import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PAGE = normalize(join(dirname(fileURLToPath(import.meta.url)), ".."));
const read = (file) => readFileSync(join(PAGE, file), "utf8");

/** The modules that a module imports before it runs. */
const imports = (file) =>
    [...read(file).matchAll(/(?:^|[;}])\s*(?:import|export)\b[^;"']*?["'](\.[^"']+)["']/gmu)].map((found) => join(dirname(file), found[1]));

test("the head names every module of the start, so that none waits for another", () => {
    const needed = new Set(["js/main.js"]);
    for (const file of needed) for (const other of imports(file)) needed.add(other);
    needed.delete("js/main.js");
    const named = [...read("index.html").matchAll(/rel="modulepreload" href="\/page\/([^"]+)"/gu)].map((found) => found[1]);
    assert.ok(needed.size > 20, `${needed.size} modules`);
    assert.deepEqual(named, [...needed].sort());
});

test("the views of other places are no part of the start", () => {
    const head = read("index.html");
    for (const view of ["transcript", "library", "system", "key"]) assert.ok(!head.includes(`/views/${view}.js`), view);
});
