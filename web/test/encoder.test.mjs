/** Encoders and the reranker in a browser read and judge as the reference does, on the GPU path and on the CPU. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { blankPage, root } from "./support.mjs";

const DATA = "crates/mome-engine/tests/data";
const MODELS = "crates/mome-backbone/data";
/** How far a state may be from the reference, which ran in f32 on the same dequantised weights. */
const STATE_TOLERANCE = 2e-3;
const LOGIT_TOLERANCE = 0.02;
const LEAST_COSINE = 0.9999;

const json = async (name) => JSON.parse(await readFile(join(root, DATA, name), "utf8"));
const [tiny, miniLm, pairs] = await Promise.all(["bert-states.json", "minilm.json", "reranker.json"].map(json));

describe("golden encoders", () => {
  const page = blankPage();

  for (const device of ["gpu", "cpu"]) {
    for (const [name, expected] of Object.entries(tiny)) {
      test(`${name} on ${device}`, async () => {
        const layers = expected.states.length;
        const encoder = `/${DATA}/${expected.file}`;
        const got = await page.evaluate(runEncoder, { encoder, device, texts: [expected.ids], layers });
        assert.match(got.device, new RegExp(`^${device}\\b`));
        const width = expected.mean.length;
        expected.states.forEach((state, layer) => {
          assertClose(got.states[layer].slice(7 * width, 8 * width), state, STATE_TOLERANCE);
        });
        assertClose(got.states[layers - 1], expected.last.flat(), STATE_TOLERANCE);
        assertCosine(got.embeddings, expected.mean);
      });
    }

    test(`the default encoder and reranker on ${device}`, async () => {
      const ids = new Map(miniLm.wordpiece.map(({ text, ids }) => [text, ids]));
      const known = miniLm.states.filter(({ text }) => ids.has(text));
      assert.ok(known.length > 5);
      const got = await page.evaluate(runEncoder, {
        encoder: `/${MODELS}/all-minilm-l6-v2-q8_0.gguf`,
        reranker: `/${MODELS}/reranker-q8_0.gguf`,
        device,
        texts: known.map(({ text }) => ids.get(text)),
        layers: 7,
        pairs: pairs.map(({ ids, types }) => ({ ids, second: types.indexOf(1) })),
      });
      known[0].token1_layers.forEach((state, layer) => {
        assertClose(got.states[layer].slice(384, 384 + state.length), state, STATE_TOLERANCE);
      });
      known.forEach(({ pooled }, index) => {
        assertCosine(got.embeddings.slice(384 * index, 384 * (index + 1)), pooled);
      });
      assertClose(
        got.logits,
        pairs.flatMap(({ logits }) => logits),
        LOGIT_TOLERANCE,
      );
    });
  }
});

/** Runs in the page: the states of the first text, the embeddings of all, and what the reranker says of the pairs. */
async function runEncoder({ encoder, reranker, device, texts, layers, pairs = [] }) {
  const wasm = await import("/web/dist/wasm/mome_web.js");
  await wasm.default();
  const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
  const files = [await bytes(encoder), reranker && (await bytes(reranker))];
  const model = await wasm.Encoder.load(...files, device);
  const flat = (lists) => [Uint32Array.from(lists.flat()), Uint32Array.from(lists, (list) => list.length)];
  const states = [];
  for (let layer = 0; layer < layers; layer += 1) {
    states.push(Array.from(await model.states(Uint32Array.from(texts[0]), layer)));
  }
  const embeddings = Array.from(await model.embed(...flat(texts)));
  const seconds = Uint32Array.from(pairs, (pair) => pair.second);
  const judged = pairs.length > 0 ? await model.rerank(...flat(pairs.map((pair) => pair.ids)), seconds) : [];
  return { device: model.device, states, embeddings, logits: Array.from(judged) };
}

function assertClose(got, expected, tolerance) {
  assert.equal(got.length, expected.length);
  const distances = expected.map((value, index) => Math.abs(value - got[index]));
  const worst = distances.reduce((largest, distance) => (distance <= largest ? largest : distance), 0);
  assert.ok(worst <= tolerance, `a number is off by ${worst}`);
}

function assertCosine(got, expected) {
  assert.equal(got.length, expected.length);
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
  const cosine = dot(got, expected) / Math.sqrt(dot(got, got) * dot(expected, expected));
  assert.ok(cosine >= LEAST_COSINE, `the cosine is ${cosine}`);
}
