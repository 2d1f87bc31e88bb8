/**
 * Mome answers questions from memorised facts, exactly, or says that it does not know.
 *
 * `Mome.load` opens a pack of facts by its URL; `answer` asks it.
 */
export { Mome } from "./mome.js";
export type { AnswerOptions, LoadOptions } from "./mome.js";
export type { Answer, Device, FactReference, Fetch, FetchedBytes, Reason, Suggestion, TokenLogprob } from "./answer.js";
export { AnswerError, LoadError, MomeError } from "./errors.js";
