/**
 * Measures an engine that runs a backbone, in the page. Every engine is asked for the same: tokens that greedily follow
 * a prompt. An engine may also have `multiplyWeights(rounds)`, the products of all weight matrices with a vector by
 * themselves.
 */

const FIRST_PROMPT = 16;
const PREFILL = 128;
const DECODED = 32;
/** Tokens decoded to find out how long one takes. */
const FEW = 4;

/**
 * Loads a model and measures it. `report` is called whenever something more is known, so that what was measured
 * before a limit of time is not lost.
 *
 * @param {{engine: string, model: string, quantisation: string, device: string, threads: number,
 *          vocabulary: number, seconds: number}} job `seconds`: time for each of decode and prefill
 * @param {(found: object) => void} report
 */
export async function measure(job, report) {
  const { load } = await import(`./engines/${job.engine}.js`);
  const prompt = (length) => Array.from({ length }, (_, index) => (7919 * index + 13) % (job.vocabulary - 1));

  const begin = performance.now();
  const engine = await load(job);
  const since = () => (performance.now() - begin) / 1000;
  report({ device: engine.device, load_seconds: since() });
  const seconds = async (length, count) => {
    const start = performance.now();
    await engine.generate(prompt(length), count);
    return (performance.now() - start) / 1000;
  };
  await seconds(FIRST_PROMPT, 1);
  report({ first_token_seconds: since() });

  // What a call costs besides is taken away: it is little next to the tokens, since the prompt is but one.
  const one = await seconds(1, 1);
  const few = (await seconds(1, 1 + FEW)) - one;
  report({ decode_tokens_per_second: FEW / few });
  const decoded = (DECODED * few) / FEW > job.seconds ? FEW : DECODED;
  const ones = [one];
  const products = [];
  const decodes = await least(job.seconds, async () => {
    const start = performance.now();
    if (await engine.multiplyWeights?.(FEW)) {
      products.push((performance.now() - start) / 1000 / FEW);
    }
    ones.push(await seconds(1, 1));
    return seconds(1, 1 + decoded);
  });
  report({
    decode_tokens_per_second: decoded / (decodes - Math.min(...ones)),
    matvec_seconds: products.length > 0 ? Math.min(...products) : null,
  });

  report({ prefill_tokens_per_second: PREFILL / (await least(job.seconds, () => seconds(PREFILL, 1))) });
}

/** The least of what `run` gives within so many seconds: it runs at least once. */
async function least(limit, run) {
  const end = performance.now() + 1000 * limit;
  const results = [await run()];
  while (performance.now() < end) {
    results.push(await run());
  }
  return Math.min(...results);
}
