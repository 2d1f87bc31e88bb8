/** Mome itself, from `web/dist`. */

export async function load({ model, device }) {
  const wasm = await import("/mome/wasm/mome_web.js");
  await wasm.default();
  const response = await fetch(`${model}.gguf`);
  const backbone = await wasm.Backbone.load(new Uint8Array(await response.arrayBuffer()), device);
  return {
    device: backbone.device,
    multiplyWeights: (rounds) => backbone.multiplyWeights(rounds),
    generate: (prompt, count) => backbone.generate(Uint32Array.from(prompt), count),
  };
}
