/** The worker: everything heavy runs here, in wasm and on the GPU. */

import type { Calls, Reply, Request } from "./protocol.js";
import initialiseWasm, { Mome } from "./wasm/mome_web.js";

let mome: Mome | undefined;

const handlers: { [Name in keyof Calls]: (input: Calls[Name]["input"]) => Promise<Calls[Name]["output"]> } = {
  async load({ url, device, alpha }) {
    await initialiseWasm();
    mome = await Mome.load(url, device, alpha ?? undefined, (path: string, bytes: number, milliseconds: number) =>
      reply({ kind: "fetched", fetch: { path, bytes, milliseconds } }),
    );
    return { device: mome.device, deviceNote: mome.deviceNote ?? null };
  },

  async answer({ question, alpha }) {
    if (mome === undefined) {
      throw new Error("no pack is loaded");
    }
    return mome.answer(question, alpha ?? undefined);
  },
};

self.addEventListener("message", async (event: MessageEvent<Request>) => {
  try {
    reply({ kind: "done", output: await call(event.data) });
  } catch (error) {
    // After a trap the state of the wasm instance is not to be trusted.
    fail(error, error instanceof WebAssembly.RuntimeError);
  }
});

// A panic amid an asynchronous call of wasm leaves the call's promise open and surfaces here.
self.addEventListener("unhandledrejection", (event) => fail(event.reason, true));

function call(request: Request): Promise<Calls[keyof Calls]["output"]> {
  switch (request.name) {
    case "load":
      return handlers.load(request.input);
    case "answer":
      return handlers.answer(request.input);
  }
}

function fail(error: unknown, fatal: boolean): void {
  const message = error instanceof Error ? error.message : String(error);
  reply({ kind: "failed", message: fatal ? `internal error: ${message} (see the console)` : message, fatal });
}

function reply(message: Reply): void {
  self.postMessage(message);
}
