/** Serves folders on loopback, isolated so that pages have precise clocks and shared memory. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves `folders`, by the first part of the path; gives back the address and what stops it. */
export async function serve(folders) {
  const server = createServer(async (request, response) => {
    const [, first, ...rest] = new URL(request.url, "http://localhost").pathname.split("/").map(decodeURIComponent);
    const inside = normalize(join("/", ...rest));
    const file = first in folders ? join(folders[first], inside) : undefined;
    const found = file && (await stat(file).catch(() => undefined));
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Length": found.size,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}
