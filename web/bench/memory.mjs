/** Peak memory of a browser, where the system tells it. */

import { readFile } from "node:fs/promises";

/**
 * The largest resident memory of the browser's renderer and GPU processes, in bytes, added up; `null` where there
 * is no `/proc`.
 */
export async function peakBytes(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const ids = processInfo.filter(({ type }) => type === "renderer" || type === "GPU").map(({ id }) => id);
  const peaks = await Promise.all(ids.map(peakOf));
  return peaks.includes(null) ? null : peaks.reduce((sum, bytes) => sum + bytes, 0);
}

async function peakOf(id) {
  const status = await readFile(`/proc/${id}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status);
  return kilobytes === null ? null : 1024 * Number(kilobytes[1]);
}
