import type { Answer, Device, Fetch } from "./answer.js";
import { AnswerError, LoadError, MomeError } from "./errors.js";
import type { Loaded } from "./protocol.js";
import { WorkerCalls } from "./worker-calls.js";

/** How to load a pack. */
export interface LoadOptions {
  /** Which device is to run the backbone; `auto` by default. */
  device?: Device | undefined;
  /**
   * The share of unknown questions that may be answered, and of known ones that may be answered wrongly,
   * between 0 and 1; the pack's own by default.
   */
  alpha?: number | undefined;
  /** Called after each file fetched, while loading and while answering. */
  onFetch?: ((fetch: Fetch) => void) | undefined;
  /** Stops the loading. */
  signal?: AbortSignal | undefined;
}

/** How to answer a question. */
export interface AnswerOptions {
  /** As in {@link LoadOptions}, for this question. */
  alpha?: number | undefined;
  /** Stops the waiting. */
  signal?: AbortSignal | undefined;
}

/** A pack of memorised facts, ready to be asked. It has a worker of its own, in which everything heavy runs. */
export class Mome {
  /** The device that runs the backbone, in words: `cpu`, or `gpu: ` and the adapter's name. */
  readonly device: string;
  /** Why no GPU was taken, where `auto` took none; else null. */
  readonly deviceNote: string | null;
  readonly #calls: WorkerCalls;

  private constructor(calls: WorkerCalls, loaded: Loaded) {
    this.#calls = calls;
    this.device = loaded.device;
    this.deviceNote = loaded.deviceNote;
  }

  /**
   * Loads the pack at `url`, the folder that holds its `mome.json`. A relative URL is taken from the page's base.
   *
   * @throws {@link LoadError} where the pack cannot be loaded; the signal's reason where it aborts.
   */
  static async load(url: string | URL, options: LoadOptions = {}): Promise<Mome> {
    const { device = "auto", alpha = null, onFetch = () => {}, signal } = options;
    const input = { url: packUrl(url), device, alpha };
    signal?.throwIfAborted();
    const calls = new WorkerCalls(onFetch);
    try {
      return new Mome(calls, await calls.call("load", input, signal));
    } catch (error) {
      const failure = as(LoadError, error);
      calls.end(failure);
      throw failure;
    }
  }

  /**
   * Answers a question, after those asked before it.
   *
   * @throws {@link AnswerError} where something fails, which not knowing is not; the signal's reason where it aborts.
   */
  async answer(question: string, options: AnswerOptions = {}): Promise<Answer> {
    const { alpha = null, signal } = options;
    try {
      return await this.#calls.call("answer", { question, alpha }, signal);
    } catch (error) {
      throw as(AnswerError, error);
    }
  }

  /** Stops the worker and frees its memory and its GPU device. Answers still awaited reject. */
  dispose(): void {
    this.#calls.end(new MomeError("this Mome was disposed of"));
  }
}

function packUrl(url: string | URL): string {
  try {
    return new URL(url, document.baseURI).href;
  } catch (error) {
    throw new LoadError(`"${url}" is not the URL of a pack`, { cause: error });
  }
}

/** An error of the worker as one of `Kind`; any other, such as an abort, as it is. */
function as(Kind: typeof MomeError, error: unknown): Error {
  if (error instanceof MomeError) {
    return new Kind(error.message, { cause: error });
  }
  return error instanceof Error ? error : new Kind(String(error));
}
