/** transformers.js on ONNX Runtime: https://github.com/huggingface/transformers.js */

export async function load({ model, device, quantisation, threads }) {
  const { AutoModelForCausalLM, Tensor, env } = await import(
    "/peers/@huggingface/transformers/dist/transformers.web.js"
  );
  env.allowLocalModels = true;
  env.allowRemoteModels = false;
  env.localModelPath = "/model/";
  env.useBrowserCache = false;
  env.backends.onnx.wasm.wasmPaths = "/peers/onnxruntime-web/dist/";
  env.backends.onnx.wasm.numThreads = threads;
  const llama = await AutoModelForCausalLM.from_pretrained(model.replace("/model/", ""), {
    device: device === "gpu" ? "webgpu" : "wasm",
    dtype: { q4_0: "q4", q8_0: "q8" }[quantisation],
  });
  return {
    device: device === "gpu" ? "webgpu" : `wasm, ${env.backends.onnx.wasm.numThreads} threads`,
    async generate(prompt, count) {
      const ids = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
      const output = await llama.generate({
        input_ids: ids(prompt),
        attention_mask: ids(prompt.map(() => 1)),
        max_new_tokens: count,
        do_sample: false,
      });
      const written = output.dims[1] - prompt.length;
      if (written !== count) {
        throw new Error(`transformers.js wrote ${written} tokens of ${count}`);
      }
    },
  };
}
