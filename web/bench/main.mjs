/**
 * Measures one engine in headless Chromium: `node main.mjs JOB`, where JOB is JSON with `subject` (`backbone` or
 * `reader`), what `measure-backbone.js` or `measure-reader.js` takes, `models` and `peers` (folders), and `limit`
 * (seconds for everything). Prints one JSON record.
 */

import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { launch } from "../test/support.mjs";
import { peakBytes } from "./memory.mjs";
import { serve } from "./server.mjs";

const job = JSON.parse(process.argv[2]);
const record = {};
const server = await serve({
  bench: dirname(fileURLToPath(import.meta.url)),
  mome: fileURLToPath(new URL("../dist", import.meta.url)),
  model: job.models,
  ...(job.peers && { peers: job.peers }),
});
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.exposeFunction("report", (found) => Object.assign(record, found));
  await page.goto(`${server.url}bench/index.html`);
  const blank = await peakBytes(browser);
  const measured = page.evaluate(
    async (job) => {
      const { measure } = await import(`/bench/measure-${job.subject}.js`);
      await measure(job, (found) => window.report(found));
    },
    job,
  );
  // The timer must not keep this program running.
  if ((await Promise.race([measured, sleep(1000 * job.limit, "late", { ref: false })])) === "late") {
    measured.catch(() => undefined);
    record.note = `stopped after ${job.limit} s`;
  }
  record.version = `Chromium ${browser.version()}`;
  const peak = await peakBytes(browser);
  record.peak_bytes = peak === null ? null : peak - blank;
} catch (error) {
  record.note = String(error.message ?? error).split("\n")[0];
} finally {
  console.log(JSON.stringify(record));
  await browser.close();
  server.stop();
}
