/**
 * Opens the demo site in Chromium, asks it a known question, a paraphrase and an unknown one, and takes
 * screenshots in light, dark and narrow. Exits 0 only when all three answers are right.
 *
 * node web/test/demo-check.mjs SITE SCREENSHOTS
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { answerOf, ask, open } from "./demo-page.mjs";
import { jsonLines, launch, serve } from "./support.mjs";

const [site, screenshots] = process.argv.slice(2);
const [facts, paraphrases, unknown] = await Promise.all(
  ["facts", "paraphrases", "unknown"].map((name) => jsonLines(`demo/${name}.jsonl`)),
);
const questions = { known: facts[0], paraphrase: paraphrases[0], unknown: unknown[0] };

await mkdir(screenshots, { recursive: true });
const server = await serve(site);
const browser = await launch();
let wrong = 0;
try {
  for (const [look, view] of Object.entries({
    light: { colorScheme: "light", viewport: { width: 1100, height: 900 } },
    dark: { colorScheme: "dark", viewport: { width: 1100, height: 900 } },
    narrow: { colorScheme: "light", viewport: { width: 380, height: 800 } },
  })) {
    const page = await browser.newPage(view);
    await open(page, server.url);
    for (const [kind, { question, answer }] of Object.entries(questions)) {
      await ask(page, question);
      const got = await answerOf(page);
      const right = answer === null ? !got.known : got.known && got.text === answer;
      wrong += right ? 0 : 1;
      console.log(`${right ? "right" : "WRONG"} (${kind}, ${look}): ${question} -> ${got.text}`);
      await page.screenshot({ path: join(screenshots, `${kind}-${look}.png`), fullPage: true });
    }
    await page.close();
  }
} finally {
  await browser.close();
  server.stop();
}
process.exitCode = wrong === 0 ? 0 : 1;
