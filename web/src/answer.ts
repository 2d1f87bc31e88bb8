/** Which device is to run the backbone: a hardware GPU where there is one, else the CPU; a GPU; the CPU. */
export type Device = "auto" | "gpu" | "cpu";

/** Why a question has no answer: the gate found no fact that holds it, or the answer drafted was not verified. */
export type Reason = "gate" | "unverified";

/** The reply to a question. */
export interface Answer {
  /** Whether a memorised answer is given. */
  known: boolean;
  /** The memorised answer, whole; or "I don't know". */
  text: string;
  /** Why there is no answer; null where there is one. */
  reason: Reason | null;
  /** Probability that the best candidate holds the answer, 0 to 1. */
  confidence: number;
  /** The facts that the answer comes from; empty where there is none. */
  facts: FactReference[];
  /** The nearest facts, at most three, where there is no answer. */
  suggestions: Suggestion[];
  /** The tokens of the answer with their log-probabilities. */
  tokens: TokenLogprob[];
  /** Forward passes of the backbone that the reply took. */
  passes: number;
  /** Whether the question is longer than the models read, so that only its beginning counted. */
  question_cut: boolean;
  /** What was fetched for this question; nothing where it was all at hand. */
  fetched: FetchedBytes;
  /** The device that ran the backbone, in words. */
  device: string;
}

/** A fact that an answer comes from. */
export interface FactReference {
  /** Its id in the table of facts. */
  id: string;
  /** Where it was taken from, as the table of facts says. */
  source: string | null;
  /** The gate's probability for it. */
  score: number;
}

/** A fact near the question. */
export interface Suggestion {
  /** Its id in the table of facts. */
  id: string;
  /** Its question. */
  question: string;
  /** The gate's probability for it. */
  score: number;
}

/** A token of an answer. */
export interface TokenLogprob {
  /** Its text. */
  text: string;
  /** Natural logarithm of its probability. */
  logprob: number;
}

/** What was fetched. */
export interface FetchedBytes {
  /** How many objects. */
  objects: number;
  /** Their bytes together. */
  bytes: number;
}

/** One file that was fetched. */
export interface Fetch {
  /** Its path within the pack. */
  path: string;
  /** Its length. */
  bytes: number;
  /** How long it took. */
  milliseconds: number;
}
