"""Measures llama.cpp on the CPU, through llama-cpp-python: prints one JSON record as `mome-bench measure` does.

The low-level interface is used, so that nothing but llama.cpp itself is between two tokens.
"""

import argparse
import ctypes
import json
import resource
import time

import llama_cpp

FIRST_PROMPT = 16
PREFILL = 128
DECODED = 32


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("threads", type=int, nargs="?", default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each of prefill and decode")
    arguments = parser.parse_args()

    quiet = llama_cpp.llama_log_callback(lambda level, text, user: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    begin = time.perf_counter()
    model = Model(arguments.model, arguments.threads)
    load = time.perf_counter() - begin
    model.decode(prompt(FIRST_PROMPT, model.vocabulary))
    first = time.perf_counter() - begin

    print(
        json.dumps(
            {
                "device": "cpu",
                "version": f"llama-cpp-python {llama_cpp.__version__}",
                "load_seconds": load,
                "first_token_seconds": first,
                "decode_tokens_per_second": 1 / best(lambda: seconds_per_token(model), arguments.seconds),
                "prefill_tokens_per_second": PREFILL / best(lambda: prefill_seconds(model), arguments.seconds),
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


class Model:
    """A model with an empty KV cache."""

    def __init__(self, path, threads):
        llama_cpp.llama_backend_init()
        settings = llama_cpp.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            raise SystemExit(f"{path}: llama.cpp cannot load this")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = 256
        settings.n_batch = settings.n_ubatch = PREFILL
        settings.n_threads = settings.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.memory = llama_cpp.llama_get_memory(self.context)
        self.sampler = llama_cpp.llama_sampler_init_greedy()
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def clear(self):
        llama_cpp.llama_memory_clear(self.memory, True)

    def decode(self, tokens):
        """Runs tokens after those before them; the token that follows greedily."""
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(tokens))) != 0:
            raise SystemExit("llama_decode failed")
        return llama_cpp.llama_sampler_sample(self.sampler, self.context, -1)


def prompt(length, vocabulary):
    return [(7919 * index + 13) % (vocabulary - 1) for index in range(length)]


def seconds_per_token(model):
    model.clear()
    token = model.decode(prompt(1, model.vocabulary))
    begin = time.perf_counter()
    for _ in range(DECODED):
        token = model.decode([token])
    return (time.perf_counter() - begin) / DECODED


def prefill_seconds(model):
    model.clear()
    tokens = prompt(PREFILL, model.vocabulary)
    begin = time.perf_counter()
    model.decode(tokens)
    return time.perf_counter() - begin


def best(measure, seconds):
    """The least of what `measure` gives within so many seconds, at least twice: the first warms up."""
    end = time.perf_counter() + seconds
    results = [measure(), measure()]
    while time.perf_counter() < end:
        results.append(measure())
    return min(results)


if __name__ == "__main__":
    main()
