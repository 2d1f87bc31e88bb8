/** The demo page: what it shows, that it can be used by everyone, and what it says when things fail. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { answerOf, ask, open, replyTo } from "./demo-page.mjs";
import { jsonLines, launch, serve, site } from "./support.mjs";

const [facts, unknown] = await Promise.all([jsonLines("demo/facts.jsonl"), jsonLines("demo/unknown.jsonl")]);

describe("the demo page", () => {
  let browser, server, page, complaints;

  before(async () => {
    server = await serve(site);
    browser = await launch();
    page = await browser.newPage();
    complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await open(page, server.url);
  });

  after(async () => {
    await browser?.close();
    server?.stop();
  });

  test("gives a memorised answer with its source and figures", async () => {
    const { id, question, answer, source } = facts.at(-1);
    await ask(page, question);
    assert.deepEqual(await answerOf(page), { known: true, text: answer });
    const card = page.locator("#answer article");
    assert.equal(await card.locator(".source").textContent(), `${source} ${id}`);
    const figures = await card.locator("dt").allTextContents();
    assert.deepEqual(figures, ["Confidence", "Time", "Fetched", "Device"]);
    assert.match(await card.locator("dd").nth(1).textContent(), /ms, 2\spasses$/);
    assert.match(await card.locator("dd").nth(3).textContent(), /^(CPU|GPU: .)/);
    await card.getByText("Tokens of the answer").click();
    const tokens = await card.locator("details").first().locator("code").allTextContents();
    assert.equal(
      tokens
        .map((token) => JSON.parse(token))
        .join("")
        .trim(),
      answer,
    );
  });

  test("says that it doesn't know, and a suggestion can be asked", async () => {
    await ask(page, unknown[0].question);
    assert.equal((await answerOf(page)).known, false);
    const suggestion = page.locator(".suggestions button").first();
    const question = (await suggestion.evaluate((button) => button.firstChild.textContent)).trim();
    const fact = facts.find((fact) => fact.question === question);
    await suggestion.click();
    await replyTo(page, question);
    assert.deepEqual(await answerOf(page), { known: true, text: fact.answer });
  });

  test("answers its own example questions, all but the last", async () => {
    const examples = page.locator("#examples button");
    const replies = [];
    for (const example of await examples.all()) {
      await example.click();
      await replyTo(page, await example.textContent());
      replies.push((await answerOf(page)).known);
    }
    assert.deepEqual(
      replies,
      replies.map((_, index) => index < replies.length - 1),
    );
  });

  test("takes the keyboard alone", async () => {
    await page.getByLabel("Your question").focus();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(facts[0].question);
    await page.keyboard.press("Enter");
    await replyTo(page, facts[0].question);
    assert.deepEqual(await answerOf(page), { known: true, text: facts[0].answer });
  });

  test("every control has a name and every look enough contrast", async () => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await ask(page, unknown[0].question);
      const { unnamed, pale } = await page.evaluate(inspectAccess);
      assert.deepEqual(unnamed, [], colorScheme);
      assert.deepEqual(pale, [], colorScheme);
    }
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    assert.equal(await page.locator("[aria-live=polite] article").count(), 1);
  });

  test("fits a narrow window", async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    await ask(page, facts[0].question);
    const [content, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window_, `${content} px of content in ${window_} px`);
  });

  test("ran under its Content-Security-Policy without complaint", () => {
    assert.deepEqual(complaints, []);
  });
});

describe("the demo page, given a pack that fails", () => {
  let browser, server;

  before(async () => {
    server = await serve(site);
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    server?.stop();
  });

  /** What the page says about the pack at `url`. */
  async function failure(url) {
    const page = await browser.newPage();
    await page.goto(`${server.url}?pack=${encodeURIComponent(url)}`);
    const card = page.getByRole("alert");
    await card.waitFor();
    const text = await card.locator("p").textContent();
    await page.close();
    return text;
  }

  test("says that a server sent an HTML page", async () => {
    const html = createServer((_, response) => {
      response.writeHead(404, { "Content-Type": "text/html", "Access-Control-Allow-Origin": "*" });
      response.end("<!doctype html><title>Not found</title>");
    }).listen(0, "127.0.0.1");
    await once(html, "listening");
    const text = await failure(`http://127.0.0.1:${html.address().port}/pack/`);
    html.close();
    assert.match(text, /mome\.json/);
    assert.match(text, /HTML page/);
  });

  test("names an object whose bytes were changed, and answers once they are right", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mome-damaged-"));
    await cp(join(site, "pack"), folder, { recursive: true });
    await flipBytes(join(folder, "objects"));
    const pack = await serve(folder);
    const damaged = /objects\/[0-9a-f]{2}\/[0-9a-f]{64}.*digest/;
    assert.match(await failure(pack.url), damaged);

    await flipBytes(join(folder, "objects"));
    const page = await browser.newPage();
    await open(page, `${server.url}?pack=${encodeURIComponent(pack.url)}`);
    await flipBytes(join(folder, "objects"));
    await page.getByLabel("Your question").fill(facts[0].question);
    await page.getByRole("button", { name: "Ask" }).click();
    assert.match(await page.getByRole("alert").locator("p").textContent(), damaged);

    await flipBytes(join(folder, "objects"));
    await page.getByRole("button", { name: "Try again" }).click();
    await replyTo(page, facts[0].question);
    assert.deepEqual(await answerOf(page), { known: true, text: facts[0].answer });
    await page.close();
    pack.stop();
    await rm(folder, { recursive: true });
  });

  test("says so where no server listens", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address();
    closed.close();
    assert.match(await failure(`http://127.0.0.1:${port}/`), /mome\.json/);
  });
});

/** Flips one bit of every file below a folder; a second time flips it back. */
async function flipBytes(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const file = join(entry.parentPath, entry.name);
      const bytes = await readFile(file);
      bytes[bytes.length >> 1] ^= 1;
      await writeFile(file, bytes);
    }
  }
}

/** Runs in the page: controls without a name, and texts with less than 4.5 : 1 against their background (WCAG 2.2, 1.4.3). */
function inspectAccess() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (colour) => {
    const [r, g, b] = Array.from(rgba(colour), (byte) => {
      const share = byte / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) {
        return colour;
      }
    }
    return "white";
  };
  const contrast = (element) => {
    const pair = [getComputedStyle(element).color, background(element)].map(luminance).sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const visible = [...document.body.querySelectorAll("*")].filter((element) => element.checkVisibility());
  const unnamed = visible
    .filter((element) => element.matches("button, input, progress, a, [role=group]"))
    .filter((element) => !(element.ariaLabel || element.labels?.length || element.textContent.trim()));
  const pale = visible
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .filter((element) => !element.disabled && contrast(element) < 4.5);
  return { unnamed: unnamed.map((element) => element.outerHTML), pale: pale.map((element) => element.outerHTML) };
}
