import type { Fetch } from "./answer.js";
import { MomeError } from "./errors.js";
import type { Calls, Reply, Request } from "./protocol.js";

/** A call that the worker has not ended yet. */
interface Pending {
  resolve(output: unknown): void;
  reject(error: Error): void;
}

/** Calls into a worker of its own, one after another in the order they were made. */
export class WorkerCalls {
  readonly #worker: Worker;
  /** Settles when the last call in the queue has ended; never rejects. */
  #queue: Promise<unknown> = Promise.resolve();
  #pending: Pending | undefined;
  /** Why nothing can be called any more. */
  #ended: Error | undefined;

  constructor(onFetch: (fetch: Fetch) => void) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mome" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      switch (data.kind) {
        case "fetched":
          return onFetch(data.fetch);
        case "done":
          return this.#settle((call) => call.resolve(data.output));
        case "failed":
          return data.fatal
            ? this.end(new MomeError(data.message))
            : this.#settle((call) => call.reject(new MomeError(data.message)));
      }
    });
    // No message: the browser could not fetch or compile the worker's own script.
    this.#worker.addEventListener("error", (event) =>
      this.end(new MomeError(event.message || "the worker could not be started: are all files of the package served?")),
    );
  }

  /**
   * Calls `name` in the worker once the calls before it have ended. Where `signal` aborts, the promise rejects
   * with its reason at once; a call that has begun is left to end by itself.
   */
  async call<Name extends keyof Calls>(
    name: Name,
    input: Calls[Name]["input"],
    signal?: AbortSignal,
  ): Promise<Calls[Name]["output"]> {
    const turn = this.#queue.then(() => {
      signal?.throwIfAborted();
      return this.#post({ name, input } as Request);
    });
    this.#queue = turn.catch(() => undefined);
    return (await unlessAborted(turn, signal)) as Calls[Name]["output"];
  }

  /** Stops the worker, which frees its memory and its GPU device. Calls not ended yet reject with `reason`. */
  end(reason: Error): void {
    this.#ended ??= reason;
    this.#worker.terminate();
    this.#settle((call) => call.reject(reason));
  }

  #post(request: Request): Promise<unknown> {
    if (this.#ended !== undefined) {
      throw this.#ended;
    }
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#worker.postMessage(request);
    });
  }

  #settle(how: (call: Pending) => void): void {
    const call = this.#pending;
    this.#pending = undefined;
    if (call !== undefined) {
      how(call);
    }
  }
}

/** What `promise` becomes, or the signal's reason where it aborts first. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) {
      abort();
    }
  });
}
