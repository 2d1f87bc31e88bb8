/** llama.cpp compiled to wasm: https://github.com/ngxson/wllama */

export async function load({ model, device, threads }) {
  const { LoggerWithoutDebug, Wllama } = await import("/peers/@wllama/wllama/esm/index.js");
  const quiet = { ...LoggerWithoutDebug, log() {}, warn() {} };
  const wllama = new Wllama(
    { default: "/peers/@wllama/wllama/esm/wasm/wllama.wasm" },
    { logger: quiet, suppressNativeLog: true },
  );
  const response = await fetch(`${model}.gguf`);
  await wllama.loadModel([await response.blob()], {
    n_ctx: 256,
    n_batch: 128,
    n_threads: threads,
    n_gpu_layers: device === "gpu" ? 99 : 0,
  });
  return {
    device: `${device}, ${wllama.getNumThreads()} threads`,
    async generate(prompt, count) {
      const reply = await wllama.createCompletion({
        prompt: prompt.map(letter).join(""),
        max_tokens: count,
        temperature: 0,
        cache_prompt: false,
        ignore_eos: true,
      });
      const { prompt_tokens: read, completion_tokens: written } = reply.usage;
      if (read !== prompt.length || written !== count) {
        throw new Error(`wllama read ${read} tokens of ${prompt.length} and wrote ${written} of ${count}`);
      }
    },
  };
}

/** Prompts are text here. In the bench's models every letter is a token. */
function letter(id) {
  return String.fromCharCode(97 + (id % 26));
}
