/** transformers.js on ONNX Runtime: https://github.com/huggingface/transformers.js */

export async function load({ model, device, quantisation, threads }) {
  const { AutoModelForCausalLM, Tensor, env } = await library(threads);
  const llama = await AutoModelForCausalLM.from_pretrained(model.replace("/model/", ""), {
    device: device === "gpu" ? "webgpu" : "wasm",
    dtype: { q4_0: "q4", q8_0: "q8" }[quantisation],
  });
  return {
    device: device === "gpu" ? "webgpu" : inWords(env),
    async generate(prompt, count) {
      const output = await llama.generate({ ...inputs(Tensor, prompt), max_new_tokens: count, do_sample: false });
      const written = output.dims[1] - prompt.length;
      if (written !== count) {
        throw new Error(`transformers.js wrote ${written} tokens of ${count}`);
      }
    },
  };
}

export async function loadReader({ model, threads }) {
  const { AutoModel, FeatureExtractionPipeline, Tensor, env } = await library(threads);
  const encoder = await AutoModel.from_pretrained(model.replace("/model/", ""), { device: "wasm", dtype: "q8" });
  // Tokens take the place of text.
  const tokenizer = (tokens) => ({ ...inputs(Tensor, tokens), token_type_ids: ids(Tensor, tokens.map(() => 0)) });
  const extract = new FeatureExtractionPipeline({ task: "feature-extraction", model: encoder, tokenizer });
  return {
    device: inWords(env),
    embed: async (tokens) => (await extract(tokens, { pooling: "mean", normalize: true })).data,
  };
}

async function library(threads) {
  const transformers = await import("/peers/@huggingface/transformers/dist/transformers.web.js");
  const { env } = transformers;
  env.allowLocalModels = true;
  env.allowRemoteModels = false;
  env.localModelPath = "/model/";
  env.useBrowserCache = false;
  env.backends.onnx.wasm.wasmPaths = "/peers/onnxruntime-web/dist/";
  env.backends.onnx.wasm.numThreads = threads;
  return transformers;
}

function inWords(env) {
  return `wasm, ${env.backends.onnx.wasm.numThreads} threads`;
}

function inputs(Tensor, tokens) {
  return { input_ids: ids(Tensor, tokens), attention_mask: ids(Tensor, tokens.map(() => 1)) };
}

function ids(Tensor, values) {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
}
