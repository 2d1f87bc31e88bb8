"""Computes the logits in reranker.json anew, of the pairs that are in it, with the default encoder and reranker.

    pip install gguf numpy scipy && python reranker.py [RERANKER.gguf]

The forward pass is written out in numpy, in f32 on the dequantised weights. Of the reranker that came first it gave what
Hugging Face transformers gave, within 5e-5.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from scipy.special import erf

HERE = Path(__file__).parent
MODELS = HERE / "../../../mome-backbone/data"
HEADS, EPSILON = 12, 1e-12


def tensors(file):
    return {t.name: dequantize(t.data, t.tensor_type).astype(np.float32) for t in GGUFReader(file).tensors}


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def norm(x, weights, name):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)
    return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def layer(x, weights, name):
    heads = [linear(x, weights, f"{name}.attn_{part}") for part in "qkv"]
    query, key, value = (part.reshape(len(x), HEADS, -1).swapaxes(0, 1) for part in heads)
    scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
    taken = np.exp(scores - scores.max(-1, keepdims=True))
    taken = taken / taken.sum(-1, keepdims=True) @ value
    attended = linear(taken.swapaxes(0, 1).reshape(len(x), -1), weights, f"{name}.attn_output")
    x = norm(x + attended, weights, f"{name}.attn_output_norm")
    fed = linear(gelu(linear(x, weights, f"{name}.ffn_up")), weights, f"{name}.ffn_down")
    return norm(x + fed, weights, f"{name}.layer_output_norm")


def logits(encoder, reranker, ids, types):
    x = encoder["token_embd.weight"][ids] + encoder["position_embd.weight"][: len(ids)]
    x = norm(x + encoder["token_types.weight"][types], encoder, "token_embd_norm")
    for index in range(6):
        name = f"blk.{index}"
        x = layer(x, reranker if f"{name}.attn_q.weight" in reranker else encoder, name)
    pooled = np.concatenate([x[0], x.mean(0)])
    return linear(gelu(linear(pooled, reranker, "rank.hidden")), reranker, "rank.out")


def main():
    encoder = tensors(MODELS / "all-minilm-l6-v2-q8_0.gguf")
    reranker = tensors(sys.argv[1] if len(sys.argv) > 1 else MODELS / "reranker-q8_0.gguf")
    file = HERE / "reranker.json"
    pairs = json.loads(file.read_text())
    for pair in pairs:
        found = [round(float(x), 4) for x in logits(encoder, reranker, pair["ids"], pair["types"])]
        print(found, "before", pair["logits"], pair["question"])
        pair["logits"] = found
    file.write_text(json.dumps(pairs, indent=0) + "\n")


if __name__ == "__main__":
    main()
