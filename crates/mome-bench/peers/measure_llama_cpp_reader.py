"""Measures llama.cpp reading a question on one thread of the CPU, through llama-cpp-python: prints one JSON record as
`mome-bench measure-reader` does, and takes the same JSON job.

The low-level interface is used, so that nothing but llama.cpp itself is measured.
"""

import argparse
import ctypes
import json
import statistics
import time

import llama_cpp


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", type=json.loads, help="JSON with `encoder` (a GGUF file), `question`, `repeats`")
    job = parser.parse_args().job

    quiet = llama_cpp.llama_log_callback(lambda level, text, user: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    encoder = Encoder(job["encoder"], job["question"])
    encoder.embed()
    seconds = []
    for _ in range(job["repeats"]):
        begin = time.perf_counter()
        encoder.embed()
        seconds.append(time.perf_counter() - begin)
    embedding = encoder.embed()[: encoder.width]
    print(
        json.dumps(
            {
                "device": "cpu",
                "version": f"llama-cpp-python {llama_cpp.__version__}",
                "read_seconds": statistics.median(seconds),
                "embedding": embedding,
            }
        )
    )


class Encoder:
    """An encoder, and a batch with one text's tokens."""

    def __init__(self, path, tokens):
        llama_cpp.llama_backend_init()
        settings = llama_cpp.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            raise SystemExit(f"{path}: llama.cpp cannot load this")
        self.width = llama_cpp.llama_model_n_embd(self.model)
        # Pooling stays as the file says.
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = 512
        settings.n_threads = settings.n_threads_batch = 1
        settings.embeddings = True
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        self.batch.n_tokens = len(tokens)
        for place, token in enumerate(tokens):
            self.batch.token[place] = token
            self.batch.pos[place] = place
            self.batch.n_seq_id[place] = 1
            self.batch.seq_id[place][0] = 0
            self.batch.logits[place] = True

    def embed(self):
        """The pooled state, not scaled to length one: a pointer to floats, valid until the next call."""
        if llama_cpp.llama_encode(self.context, self.batch) != 0:
            raise SystemExit("llama_encode failed")
        return llama_cpp.llama_get_embeddings_seq(self.context, 0)


if __name__ == "__main__":
    main()
