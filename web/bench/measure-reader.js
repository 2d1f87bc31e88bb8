/**
 * Measures an engine that runs an encoder, in the page: how long it takes to read a question, and to judge pairs where
 * the engine's reader has `judge`. All engines are given tokens.
 */

/**
 * Loads a reader and measures it. `report` is called whenever something more is known, so that what was measured
 * before a limit of time is not lost.
 *
 * @param {{engine: string, model: string, reranker: string, device: string, threads: number, question: number[],
 *          pairs: {tokens: number[], second: number}[], repeats: number}} job
 * @param {(found: object) => void} report
 */
export async function measure(job, report) {
  const { loadReader } = await import(`./engines/${job.engine}.js`);
  const reader = await loadReader(job);
  report({ device: reader.device, embedding: Array.from(await reader.embed(job.question)) });
  report({ read_seconds: await medianSeconds(job.repeats, () => reader.embed(job.question)) });
  if (reader.judge) {
    report({ judge_seconds: await medianSeconds(job.repeats, () => reader.judge(job.pairs)) });
  }
}

/**
 * The median of the seconds that `run` takes, after as many times that do not count: browsers compile wasm anew for
 * speed while it runs.
 */
async function medianSeconds(repeats, run) {
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    await run();
  }
  const seconds = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const start = performance.now();
    await run();
    seconds.push((performance.now() - start) / 1000);
  }
  seconds.sort((a, b) => a - b);
  const half = seconds.length >> 1;
  return seconds.length % 2 === 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
}
