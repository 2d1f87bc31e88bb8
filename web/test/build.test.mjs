/** A page makes a pack of five facts, without files and without threads, and asks it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { blankPage } from "./support.mjs";

describe("packs made in a page", () => {
  const page = blankPage();

  test("five facts are memorised and answered", async () => {
    const made = await page.evaluate(makeFiveFacts);
    assert.equal(made.verified, 5);
    assert.ok(made.files > 5, `${made.files} files`);
    const [known, unknown] = [made.answers.slice(0, 5), made.answers.slice(5)];
    assert.deepEqual(known, made.facts.filter((_, index) => index % 2 === 1));
    assert.deepEqual(unknown, ["I don't know"]);
  });
});

/** Runs in the page. */
async function makeFiveFacts() {
  const wasm = await import("/web/test/wasm/five_facts.js");
  await wasm.default();
  const data = async (name) => await fetch(`/crates/mome-backbone/data/${name}`);
  const bytes = async (name) => new Uint8Array(await (await data(name)).arrayBuffer());
  const made = await wasm.five_facts(
    await bytes("mome-tiny-q8_0.gguf"),
    await bytes("mome-tiny-q8_0.query"),
    await bytes("all-minilm-l6-v2-q8_0.gguf"),
    await bytes("reranker-q8_0.gguf"),
    await (await data("reader.gate.json")).text(),
  );
  return { verified: made.verified, files: made.files, answers: made.answers, facts: wasm.Made.facts };
}
