"""Writes gemma3-*.gguf, small Gemma 3 models with random weights, and puts what they compute into logits.json.

    pip install gguf numpy && python gemma3.py

The forward pass is written out in numpy, in double precision, over whole sequences and on the dequantised weights.
Names and metadata are those of llama.cpp's converter; it stores norm weights with 1 added.
"""

import json
from pathlib import Path

import gguf
import numpy as np

HERE = Path(__file__).parent
SEED = 109
WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_WIDTH, FEED_FORWARD = 64, 6, 2, 1, 32, 96
CONTEXT, WINDOW, PERIOD = 256, 8, 6
LOCAL_BASE, GLOBAL_BASE = 10_000.0, 1_000_000.0
EPSILON = 1e-6
PROMPT, GREEDY = 40, 32
# Of a greedy or best token over the second, so that rounding does not decide.
LEAST_MARGIN = 0.006

Type = gguf.GGMLQuantizationType
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LETTERS = [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
PIECES = LETTERS + ["▁" + letter for letter in LETTERS]
VOCABULARY = SPECIAL + BYTES + PIECES


def random_weights(numbers):
    """Tensors by their names in the file; matrices `[rows, columns]`."""

    def matrix(rows, columns):
        return numbers.normal(0, columns**-0.5, (rows, columns))

    def norm(width):
        return 1 + 0.3 * numbers.normal(size=width)

    tensors = {"token_embd.weight": numbers.normal(0, 0.1, (len(VOCABULARY), WIDTH))}
    for index in range(LAYERS):
        block = {
            "attn_norm": norm(WIDTH),
            "attn_q": matrix(HEADS * HEAD_WIDTH, WIDTH),
            "attn_k": matrix(KV_HEADS * HEAD_WIDTH, WIDTH),
            "attn_v": matrix(KV_HEADS * HEAD_WIDTH, WIDTH),
            "attn_q_norm": norm(HEAD_WIDTH),
            "attn_k_norm": norm(HEAD_WIDTH),
            "attn_output": matrix(WIDTH, HEADS * HEAD_WIDTH),
            "post_attention_norm": norm(WIDTH),
            "ffn_norm": norm(WIDTH),
            "ffn_gate": matrix(FEED_FORWARD, WIDTH),
            "ffn_up": matrix(FEED_FORWARD, WIDTH),
            "ffn_down": matrix(WIDTH, FEED_FORWARD),
            "post_ffw_norm": norm(WIDTH),
        }
        tensors |= {f"blk.{index}.{name}.weight": tensor for name, tensor in block.items()}
    return tensors | {"output_norm.weight": 3 * norm(WIDTH)}


def write(path, tensors, kind):
    """Writes a model; gives back its tensors as a reader of the file sees them."""
    file = gguf.GGUFWriter(path, "gemma3")
    file.add_name("random Gemma 3")
    file.add_context_length(CONTEXT)
    file.add_embedding_length(WIDTH)
    file.add_block_count(LAYERS)
    file.add_feed_forward_length(FEED_FORWARD)
    file.add_head_count(HEADS)
    file.add_head_count_kv(KV_HEADS)
    file.add_key_length(HEAD_WIDTH)
    file.add_value_length(HEAD_WIDTH)
    file.add_layer_norm_rms_eps(EPSILON)
    file.add_rope_freq_base(GLOBAL_BASE)
    file.add_sliding_window(WINDOW)
    file.add_tokenizer_model("llama")
    file.add_token_list(VOCABULARY)
    file.add_token_scores([0.0] * len(SPECIAL + BYTES) + [-float(rank) for rank in range(len(PIECES))])
    file.add_token_types([3, 3, 3, 2] + [6] * len(BYTES) + [1] * len(PIECES))
    file.add_bos_token_id(2)
    file.add_eos_token_id(1)
    file.add_add_bos_token(True)
    file.add_add_space_prefix(False)
    read = {}
    for name, tensor in tensors.items():
        # One block's gate is of another type than what it gates.
        own = Type.Q8_0 if kind == Type.Q4_0 and name == "blk.1.ffn_gate.weight" else kind
        own = own if tensor.ndim == 2 else Type.F32
        data = gguf.quants.quantize(tensor.astype(np.float32), own)
        file.add_tensor(name, data, raw_dtype=own)
        read[name] = gguf.quants.dequantize(data, own).astype(np.float64)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return read


def rms_norm(x, weight):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPSILON) * weight


def rotate(x, base):
    """Rotary position embedding of `[tokens, heads, width]`: columns i and i + width / 2 make a pair."""
    half = x.shape[-1] // 2
    angles = np.arange(len(x))[:, None] * base ** (-np.arange(half) / half)
    sin, cos = np.sin(angles)[:, None], np.cos(angles)[:, None]
    left, right = x[..., :half], x[..., half:]
    return np.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)


def attention(x, weights, local):
    def heads(name, count):
        return (x @ weights[name].T).reshape(len(x), count, HEAD_WIDTH)

    base = LOCAL_BASE if local else GLOBAL_BASE
    query = rotate(rms_norm(heads("attn_q", HEADS), weights["attn_q_norm"]), base)
    key = rotate(rms_norm(heads("attn_k", KV_HEADS), weights["attn_k_norm"]), base)
    value = heads("attn_v", KV_HEADS)
    distance = np.arange(len(x))[:, None] - np.arange(len(x))
    seen = (distance >= 0) & (distance < (WINDOW if local else len(x)))
    mixed = []
    for head in range(HEADS):
        shared = head * KV_HEADS // HEADS
        scores = query[:, head] @ key[:, shared].T / np.sqrt(HEAD_WIDTH)
        powers = np.where(seen, np.exp(scores), 0)
        mixed.append(powers / powers.sum(axis=1, keepdims=True) @ value[:, shared])
    return np.concatenate(mixed, axis=1) @ weights["attn_output"].T


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def feed_forward(x, weights):
    return (gelu(x @ weights["ffn_gate"].T) * (x @ weights["ffn_up"].T)) @ weights["ffn_down"].T


def logits(tensors, ids):
    """`[tokens, V]`"""
    embedding = tensors["token_embd.weight"]
    x = embedding[ids] * np.sqrt(WIDTH)
    for index in range(LAYERS):
        prefix = f"blk.{index}."
        weights = {
            name.removeprefix(prefix).removesuffix(".weight"): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        local = (index + 1) % PERIOD != 0
        added = attention(rms_norm(x, weights["attn_norm"]), weights, local)
        x = x + rms_norm(added, weights["post_attention_norm"])
        added = feed_forward(rms_norm(x, weights["ffn_norm"]), weights)
        x = x + rms_norm(added, weights["post_ffw_norm"])
    return rms_norm(x, tensors["output_norm.weight"]) @ embedding.T


def golden(file, tensors, ids):
    """What logits.json says of a model."""
    rows = logits(tensors, ids)
    best = list(np.sort(rows, axis=1)[:, -2:])
    greedy = list(ids[:12])
    while len(greedy) < 12 + GREEDY:
        row = logits(tensors, greedy)[-1]
        best.append(np.sort(row)[-2:])
        greedy.append(int(row.argmax()))
    margin = min(first - second for second, first in best)
    assert margin > LEAST_MARGIN, f"{file}: a margin of {margin} is for rounding to decide"
    assert len(set(greedy[12:])) > 8, f"{file}: greedy decoding goes round in a circle"
    return {
        "file": file,
        "ids": ids,
        "logits_last": [round(float(logit), 6) for logit in rows[-1]],
        "logits_row5_first64": [round(float(logit), 6) for logit in rows[5, :64]],
        "argmax": [int(token) for token in rows.argmax(axis=1)],
        "greedy_from_12": greedy[12:],
    }


def main():
    numbers = np.random.default_rng(SEED)
    weights = random_weights(numbers)
    ids = [int(id) for id in numbers.integers(len(VOCABULARY), size=PROMPT)]
    path = HERE / "logits.json"
    document = json.loads(path.read_text())
    for name, kind in [("f32", Type.F32), ("q8_0", Type.Q8_0), ("q4_0", Type.Q4_0)]:
        file = f"gemma3-{name}.gguf"
        document[f"gemma3-{name}"] = golden(file, write(HERE / file, weights, kind), ids)
    path.write_text(json.dumps(document))


if __name__ == "__main__":
    main()
