"""Writes xlm-roberta.gguf, a small XLM-R with random weights, and xlm-roberta.json, what it makes of some texts.

    pip install gguf numpy && python xlm_roberta.py

The vocabulary and the texts' tokens are those of mome-backbone/tests/data/xlm-roberta.json. The forward pass is
written out in numpy as Hugging Face transformers has it: positions are counted from the padding id on. The file is
as llama.cpp's converter writes it: the rows of positions that no token has are cut off.
"""

import json
import math
from pathlib import Path

import gguf
import numpy as np

HERE = Path(__file__).parent
ORACLE = HERE / "../../../mome-backbone/tests/data"
SEED = 1
WIDTH, LAYERS, HEADS, FEED_FORWARD = 32, 2, 2, 64
PADDING = 1
POSITIONS = PADDING + 1 + 48
EPSILON = 1e-5
CASES = ["Where is the library?", "Wie gebe ich ein Buch zurück?", "図書館は朝九時に開きます。", ""]


def random_weights(numbers, vocabulary):
    """Tensors by their names in the file, with all rows of positions."""

    def linear(name, rows, columns):
        weight = numbers.normal(0, columns**-0.5, (rows, columns))
        return {f"{name}.weight": weight, f"{name}.bias": numbers.normal(0, 0.2, rows)}

    def norm(name):
        weight, bias = 1 + 0.3 * numbers.normal(size=WIDTH), 0.2 * numbers.normal(size=WIDTH)
        return {f"{name}.weight": weight, f"{name}.bias": bias}

    tensors = {
        "token_embd.weight": numbers.normal(size=(vocabulary, WIDTH)),
        "position_embd.weight": numbers.normal(size=(POSITIONS, WIDTH)),
        "token_types.weight": numbers.normal(size=(1, WIDTH)),
    } | norm("token_embd_norm")
    for index in range(LAYERS):
        block = f"blk.{index}."
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            tensors |= linear(block + name, WIDTH, WIDTH)
        tensors |= norm(block + "attn_output_norm")
        tensors |= linear(block + "ffn_up", FEED_FORWARD, WIDTH)
        tensors |= linear(block + "ffn_down", WIDTH, FEED_FORWARD)
        tensors |= norm(block + "layer_output_norm")
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def write(path, tensors, pieces):
    file = gguf.GGUFWriter(path, "bert")
    file.add_name("random XLM-R")
    file.add_context_length(POSITIONS - PADDING - 1)
    file.add_embedding_length(WIDTH)
    file.add_block_count(LAYERS)
    file.add_feed_forward_length(FEED_FORWARD)
    file.add_head_count(HEADS)
    file.add_layer_norm_eps(EPSILON)
    file.add_causal_attention(False)
    file.add_pooling_type(gguf.PoolingType.CLS)
    special = {"<s>": 3, "<pad>": 3, "</s>": 3, "<mask>": 3, "<unk>": 2}
    file.add_tokenizer_model("t5")
    file.add_tokenizer_pre("default")
    file.add_token_list([text for text, _ in pieces])
    file.add_token_scores([score for _, score in pieces])
    file.add_token_types([special.get(text, 1) for text, _ in pieces])
    file.add_add_space_prefix(True)
    file.add_token_type_count(1)
    file.add_remove_extra_whitespaces(True)
    file.add_precompiled_charsmap((ORACLE / "charsmap-nfkc.bin").read_bytes())
    file.add_bos_token_id(0)
    file.add_eos_token_id(2)
    file.add_unk_token_id(3)
    file.add_sep_token_id(2)
    file.add_pad_token_id(PADDING)
    file.add_mask_token_id(len(pieces) - 1)
    for name, tensor in tensors.items():
        file.add_tensor(name, tensor[PADDING + 1 :] if name == "position_embd.weight" else tensor)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def states(tensors, ids):
    """After the embedding and each layer: `[tokens, d]`."""

    def linear(x, name):
        return x @ tensors[f"{name}.weight"].T.astype(np.float64) + tensors[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    positions = np.arange(len(ids)) + PADDING + 1
    x = tensors["token_embd.weight"][ids].astype(np.float64)
    x = norm(x + tensors["position_embd.weight"][positions] + tensors["token_types.weight"], "token_embd_norm")
    after = [x]
    for index in range(LAYERS):
        block = f"blk.{index}."
        split = (len(ids), HEADS, WIDTH // HEADS)
        query, key, value = (linear(x, block + name).reshape(split) for name in ["attn_q", "attn_k", "attn_v"])
        powers = np.exp(np.einsum("ihc,jhc->hij", query, key) / math.sqrt(WIDTH // HEADS))
        shares = powers / powers.sum(axis=2, keepdims=True)
        mixed = np.einsum("hij,jhc->ihc", shares, value).reshape(len(ids), WIDTH)
        x = norm(x + linear(mixed, block + "attn_output"), block + "attn_output_norm")
        up = linear(x, block + "ffn_up")
        gelu = up / 2 * (1 + np.vectorize(math.erf)(up / math.sqrt(2)))
        x = norm(x + linear(gelu, block + "ffn_down"), block + "layer_output_norm")
        after.append(x)
    return after


def main():
    oracle = json.loads((ORACLE / "xlm-roberta.json").read_text())
    tensors = random_weights(np.random.default_rng(SEED), len(oracle["pieces"]))
    write(HERE / "xlm-roberta.gguf", tensors, oracle["pieces"])
    ids = {case["text"]: case["ids"] for case in oracle["cases"]}
    cases = []
    for text in CASES:
        after = states(tensors, ids[text])
        pooled = after[-1][0] / np.linalg.norm(after[-1][0])
        rounded = [[round(float(x), 6) for x in layer.flatten()] for layer in [*after, pooled]]
        cases.append({"text": text, "ids": ids[text], "states": rounded[:-1], "pooled": rounded[-1]})
    (HERE / "xlm-roberta.json").write_text(json.dumps(cases, ensure_ascii=False))


if __name__ == "__main__":
    main()
