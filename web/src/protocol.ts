import type { Answer, Device, Fetch } from "./answer.js";

/** What the page can call in the worker. The page has one call under way at a time. */
export interface Calls {
  /** Fetches a pack and puts its backbone on a device. Comes first, once. */
  load: {
    input: { url: string; device: Device; alpha: number | null };
    output: Loaded;
  };
  /** Asks a question. */
  answer: {
    input: { question: string; alpha: number | null };
    output: Answer;
  };
}

/** What became of loading. */
export interface Loaded {
  /** The device that runs the backbone, in words. */
  device: string;
  /** Why no GPU was taken, where `auto` took none. */
  deviceNote: string | null;
}

/** From the page to the worker. */
export type Request = { [Name in keyof Calls]: { name: Name; input: Calls[Name]["input"] } }[keyof Calls];

/** From the worker to the page: what was fetched on the way, then the end of the call. */
export type Reply =
  | { kind: "fetched"; fetch: Fetch }
  | { kind: "done"; output: Calls[keyof Calls]["output"] }
  | { kind: "failed"; message: string; fatal: boolean };
