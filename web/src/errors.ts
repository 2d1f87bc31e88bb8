/** Base of the errors of this package. */
export class MomeError extends Error {
  override name = "MomeError";
}

/** A pack could not be loaded: not found, damaged, of another format, or no device can run it. */
export class LoadError extends MomeError {
  override name = "LoadError";
}

/** A question could not be answered, which is something else than an "I don't know". */
export class AnswerError extends MomeError {
  override name = "AnswerError";
}
