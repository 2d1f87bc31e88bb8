/** The engine in a browser gives the logits of the reference, on the GPU path and on the CPU. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { blankPage, root } from "./support.mjs";

const DATA = "crates/mome-engine/tests/data";
/** How far a logit may be from the reference, which ran in f32 on the same dequantised weights. */
const TOLERANCE = 2e-3;

const golden = JSON.parse(await readFile(join(root, DATA, "logits.json"), "utf8"));

describe("golden logits", () => {
  const page = blankPage();

  for (const device of ["gpu", "cpu"]) {
    for (const [name, expected] of Object.entries(golden)) {
      test(`${name} on ${device}`, async () => {
        const prompt = expected.ids.slice(0, 12);
        const got = await page.evaluate(runBackbone, {
          file: `/${DATA}/${expected.file}`,
          device,
          ids: expected.ids,
          prompt,
          count: expected.greedy_from_12.length,
        });
        assert.match(got.device, new RegExp(`^${device}\\b`));
        const vocabulary = expected.logits_last.length;
        assert.equal(got.logits.length, expected.ids.length * vocabulary);
        const row = (index) => got.logits.slice(index * vocabulary, (index + 1) * vocabulary);
        assertClose(row(expected.ids.length - 1), expected.logits_last);
        assertClose(row(5).slice(0, 64), expected.logits_row5_first64);
        assert.deepEqual(
          expected.argmax.map((_, index) => argmax(row(index))),
          expected.argmax,
        );
        assert.deepEqual(got.generated, expected.greedy_from_12);
      });
    }
  }
});

/** Runs in the page. */
async function runBackbone({ file, device, ids, prompt, count }) {
  const wasm = await import("/web/dist/wasm/mome_web.js");
  await wasm.default();
  const response = await fetch(file);
  const backbone = await wasm.Backbone.load(new Uint8Array(await response.arrayBuffer()), device);
  const logits = Array.from(await backbone.logits(Uint32Array.from(ids)));
  const generated = Array.from(await backbone.generate(Uint32Array.from(prompt), count));
  return { device: backbone.device, logits, generated };
}

function assertClose(got, expected) {
  const distances = expected.map((value, index) => Math.abs(value - got[index]));
  const worst = distances.reduce((largest, distance) => (distance <= largest ? largest : distance), 0);
  assert.ok(worst <= TOLERANCE, `a logit is off by ${worst}`);
}

function argmax(row) {
  return row.indexOf(Math.max(...row));
}
