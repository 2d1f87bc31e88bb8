/** The npm package in a page, over HTTP: its answers are those of the native command, and its calls behave. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { jsonLines, launch, momeJson, root, serve, target } from "./support.mjs";

const FACTS = "crates/mome-build/tests/data/relations.jsonl";
const QUESTIONS = "crates/mome-build/tests/data/relations.questions.jsonl";
const pack = join(target, "fixtures/relations");

let browser, server, packServer, page;

before(async () => {
  if (!existsSync(join(pack, "mome.json"))) {
    await momeJson("memorize", join(root, FACTS), "--out", pack);
  }
  [server, packServer, browser] = await Promise.all([serve(root), serve(pack), launch()]);
  page = await browser.newPage();
  await page.goto(`${server.url}web/test/blank.html`);
});

after(async () => {
  await browser?.close();
  server?.stop();
  packServer?.stop();
});

/** Runs `steps(Mome, mome, more)` in the page, `mome` being a pack that was loaded with `options`. */
function inPage(options, steps, more) {
  const run = async ({ url, options, steps, more }) => {
    const { Mome } = await import("/web/dist/index.js");
    const mome = await Mome.load(url, options);
    try {
      return await new Function(`return ${steps}`)()(Mome, mome, more);
    } finally {
      mome.dispose();
    }
  };
  return page.evaluate(run, { url: packServer.url, options, steps: steps.toString(), more });
}

describe("answers in the page", () => {
  let questions, native;

  before(async () => {
    const [canonical, asked] = await Promise.all([jsonLines(FACTS), jsonLines(QUESTIONS)]);
    const known = asked.filter(({ answer }) => answer !== null);
    const unknown = asked.filter(({ answer }) => answer === null);
    const chosen = [...spread(canonical, 10), ...spread(known, 25), ...spread(unknown, 15)];
    questions = chosen.map(({ question }) => question);
    native = [];
    for (const question of questions) {
      const { output } = await momeJson("ask", "--pack", pack, "--device", "cpu", question);
      native.push(output);
    }
  });

  for (const device of ["cpu", "gpu"]) {
    test(`on the ${device} are those of the native command`, async () => {
      const answers = await inPage(
        { device },
        async (_, mome, questions) => {
          const answers = [];
          for (const question of questions) {
            answers.push(await mome.answer(question));
          }
          return answers;
        },
        questions,
      );
      for (const [index, answer] of answers.entries()) {
        assertSame(answer, native[index], questions[index]);
        assert.match(answer.device, new RegExp(`^${device}\\b`));
      }
      const count = answers.filter(({ known }) => known).length;
      assert.ok(count > 20 && count < 45, `${count} of ${answers.length} known: the test asks both kinds`);
    });
  }
});

describe("calls", () => {
  test("end in the order they were made", async () => {
    const order = await inPage({}, async (_, mome) => {
      const order = [];
      const questions = ["Samson & Goliath debuted on", "Javier de Burgos took up work in", "Who?"];
      await Promise.all(questions.map((question) => mome.answer(question).then(() => order.push(question))));
      return order;
    });
    assert.deepEqual(order, ["Samson & Goliath debuted on", "Javier de Burgos took up work in", "Who?"]);
  });

  test("report every file fetched", async () => {
    const { fetches, answer } = await page.evaluate(async (url) => {
      const { Mome } = await import("/web/dist/index.js");
      const fetches = [];
      const mome = await Mome.load(new URL(url), { onFetch: (fetch) => fetches.push(fetch) });
      const loaded = fetches.length;
      const answer = await mome.answer("Samson & Goliath debuted on");
      mome.dispose();
      return { fetches: [fetches.slice(0, loaded), fetches.slice(loaded)], answer };
    }, packServer.url);
    const [loading, answering] = fetches;
    assert.equal(loading[0].path, "mome.json");
    assert.equal(answering.length, answer.fetched.objects);
    assert.equal(
      answering.reduce((sum, { bytes }) => sum + bytes, 0),
      answer.fetched.bytes,
    );
    for (const { path, bytes, milliseconds } of [...loading.slice(1), ...answering]) {
      assert.match(path, /^objects\/[0-9a-f]{2}\/[0-9a-f]{64}$/);
      assert.ok(bytes > 0 && milliseconds >= 0);
    }
  });

  test("stop waiting when their signal aborts, and those after them go on", async () => {
    const outcome = await inPage({}, async (_, mome) => {
      const abort = new AbortController();
      const first = mome.answer("Samson & Goliath debuted on", { signal: abort.signal });
      const second = mome.answer("Javier de Burgos took up work in", { signal: abort.signal });
      const third = mome.answer("Javier de Burgos took up work in");
      abort.abort();
      const late = mome.answer("Who?", { signal: abort.signal });
      const settled = await Promise.allSettled([first, second, late, third]);
      return settled.map(({ reason, value }) => reason?.name ?? value.text);
    });
    assert.deepEqual(outcome, ["AbortError", "AbortError", "AbortError", "Madrid"]);
  });

  test("reject once the instance is disposed of", async () => {
    const outcome = await inPage({}, async (_, mome) => {
      const open = mome.answer("Samson & Goliath debuted on").catch((error) => error);
      await new Promise((resolve) => setTimeout(resolve));
      mome.dispose();
      const after = mome.answer("Who?").catch((error) => error);
      return (await Promise.all([open, after])).map(({ name, message }) => `${name}: ${message}`);
    });
    assert.deepEqual(outcome, Array(2).fill("AnswerError: this Mome was disposed of"));
  });

  test("that cannot be served are errors with a reason", async () => {
    const outcome = await inPage({}, async (Mome, mome) => {
      const calls = [
        () => mome.answer(""),
        () => mome.answer("Who?", { alpha: 2 }),
        () => Mome.load("nothing-here/"),
        () => Mome.load("http://[nowhere]/"),
        () => Mome.load(".", { device: "quantum" }),
        () => Mome.load(".", { signal: AbortSignal.abort() }),
      ];
      const settled = await Promise.allSettled(calls.map((call) => call()));
      return settled.map(({ reason }) => `${reason?.name}: ${reason?.message}`);
    });
    const [empty, alpha, nothing, invalid, device, aborted] = outcome;
    assert.match(empty, /^AnswerError: .*empty/);
    assert.match(alpha, /^AnswerError: .*alpha/);
    assert.match(nothing, /^LoadError: .*\/web\/test\/nothing-here\/.*404/);
    assert.match(invalid, /^LoadError: "http:\/\/\[nowhere\]\/" is not the URL of a pack/);
    assert.match(device, /^LoadError: .*quantum.*auto, gpu or cpu/);
    assert.match(aborted, /^AbortError/);
  });
});

/** How far rounding may move a score between devices. */
const ROUNDING = 1e-3;

/** Fails unless two answers differ in nothing but rounding, device and what was fetched. */
function assertSame(got, expected, question) {
  const { device, fetched, ...exact } = withoutRounding(expected);
  const { device: _, fetched: __, ...same } = withoutRounding(got);
  assert.deepEqual(same, exact, question);
  assertSuggestions(got.suggestions, expected.suggestions, question);
  assert.ok(Math.abs(got.confidence - expected.confidence) < ROUNDING, question);
  assert.deepEqual(Object.keys(got).sort(), Object.keys(expected).sort());
}

/** Fails unless suggestions are the same, in the same order, but for those whose scores rounding cannot tell apart. */
function assertSuggestions(got, expected, question) {
  assert.equal(got.length, expected.length, question);
  for (const [index, { id, score, ...rest }] of got.entries()) {
    assert.ok(Math.abs(score - expected[index].score) < ROUNDING, `${question}: suggestion ${index}`);
    const twin = expected.find((other) => other.id === id);
    const lastScore = expected.at(-1).score;
    if (twin === undefined) {
      assert.ok(Math.abs(score - lastScore) < ROUNDING, `${question}: ${id} is suggested on one device alone`);
    } else {
      const { id: _, score: exactScore, ...exactRest } = twin;
      assert.ok(Math.abs(score - exactScore) < ROUNDING, `${question}: ${id}`);
      assert.deepEqual(rest, exactRest, question);
    }
  }
}

/** An answer without suggestions and figures that rounding changes: scores, log-probabilities, and what follows from them. */
function withoutRounding({ confidence, suggestions, facts, tokens, ...rest }) {
  return {
    ...rest,
    facts: facts.map(({ id, source }) => ({ id, source })),
    tokens: tokens.map(({ text }) => text),
  };
}

/** `count` items at even distances. */
function spread(items, count) {
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]);
}
