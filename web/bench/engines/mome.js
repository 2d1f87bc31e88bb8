/** Mome itself, from `web/dist`. */

export async function load({ model, device }) {
  const wasm = await module();
  const backbone = await wasm.Backbone.load(await bytes(`${model}.gguf`), device);
  return {
    device: backbone.device,
    multiplyWeights: (rounds) => backbone.multiplyWeights(rounds),
    generate: (prompt, count) => backbone.generate(Uint32Array.from(prompt), count),
  };
}

export async function loadReader({ model, reranker, device }) {
  const wasm = await module();
  const encoder = await wasm.Encoder.load(await bytes(`${model}.gguf`), await bytes(`${reranker}.gguf`), device);
  const flat = (lists) => [Uint32Array.from(lists.flat()), Uint32Array.from(lists, (list) => list.length)];
  return {
    device: encoder.device,
    embed: (tokens) => encoder.embed(...flat([tokens])),
    judge(pairs) {
      const seconds = Uint32Array.from(pairs, (pair) => pair.second);
      return encoder.rerank(...flat(pairs.map((pair) => pair.tokens)), seconds);
    },
  };
}

async function module() {
  const wasm = await import("/mome/wasm/mome_web.js");
  await wasm.default();
  return wasm;
}

async function bytes(url) {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}
