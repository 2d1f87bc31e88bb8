"""Writes a llama of random weights as transformers.js takes it: config.json and onnx/model_*.onnx in a folder.

The graph is what ONNX Runtime's own model builder makes of a llama: block-quantised matrices (MatMulNBits), fused
attention with RoPE and KV cache (GroupQueryAttention), fused norms. The token embedding stays in 32-bit floats.
Operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

import argparse
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper

MICROSOFT = "com.microsoft"
BLOCK = 32
DEVIATION = 0.02
# Activations in 8 bits within a product, as llama.cpp has them: the fastest that ONNX Runtime offers.
ACCURACY_LEVEL = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    for name in ["hidden", "layers", "feed-forward", "vocabulary", "heads", "kv-heads", "context"]:
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--bits", type=int, choices=[4, 8], required=True)
    arguments = parser.parse_args()

    name = {4: "model_q4.onnx", 8: "model_quantized.onnx"}[arguments.bits]
    (arguments.folder / "onnx").mkdir(parents=True, exist_ok=True)
    (arguments.folder / "config.json").write_text(json.dumps(config(arguments)))
    onnx.save(Graph(arguments).model(), arguments.folder / "onnx" / name)


def config(shape):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": 64,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": 1e-5,
    }


class Graph:
    """Nodes and weights, gathered in the order of the data flow."""

    def __init__(self, shape):
        self.shape = shape
        self.head_width = 64
        self.random = np.random.default_rng(1)
        self.nodes = []
        self.initializers = []
        self.inputs = []
        self.outputs = []

    def model(self):
        shape = self.shape
        self.input("input_ids", TensorProto.INT64, ["batch_size", "tokens"])
        self.input("attention_mask", TensorProto.INT64, ["batch_size", "total"])
        self.lengths()
        self.rope_tables()
        embedding = self.random.normal(0, DEVIATION, (shape.vocabulary, shape.hidden)).astype(np.float32)
        residual = self.node("Gather", [self.weight("embedding", embedding), "input_ids"], "embedded")
        norm = lambda name: self.weight(f"{name}.norm", np.ones(shape.hidden, np.float32))
        normed = self.node(
            "SimplifiedLayerNormalization", [residual, norm("attention.0")], "normed.0", epsilon=1e-5, axis=-1
        )
        for layer in range(shape.layers):
            attended = self.attention(layer, normed)
            normed, residual = self.add_and_norm(residual, attended, norm(f"feed_forward.{layer}"))
            fed = self.feed_forward(layer, normed)
            following = f"attention.{layer + 1}" if layer + 1 < shape.layers else "output"
            normed, residual = self.add_and_norm(residual, fed, norm(following))
        self.matmul(self.last_rows(normed), "logits", shape.hidden, shape.vocabulary)
        self.output("logits", ["batch_size", "kept", shape.vocabulary])
        graph = helper.make_graph(self.nodes, "llama", self.inputs, self.outputs, self.initializers)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def last_rows(self, normed):
        """As many of the last positions as `num_logits_to_keep` says; all for 0."""
        self.input("num_logits_to_keep", TensorProto.INT64, [])
        self.node("Neg", ["num_logits_to_keep"], "kept_from_end")
        vector = self.weight("vector", np.array([1], np.int64))
        starts = self.node("Reshape", ["kept_from_end", vector], "kept_starts")
        ends = self.weight("kept_ends", np.array([2**31 - 1], np.int64))
        axes = self.weight("token_axis", np.array([1], np.int64))
        return self.node("Slice", [normed, starts, ends, axes], "kept_rows")

    def lengths(self):
        """The two lengths that attention wants: of the keys of each sequence less one, and of the longest."""
        one = self.weight("one", np.array([1], np.int64))
        total = self.node("ReduceSum", ["attention_mask", one], "mask_sum", keepdims=0)
        self.node("Sub", [total, one], "last_position")
        self.node("Cast", ["last_position"], "seqlens_k", to=TensorProto.INT32)
        self.node("Shape", ["attention_mask"], "mask_shape")
        index = self.weight("one_scalar", np.array(1, np.int64))
        self.node("Gather", ["mask_shape", index], "mask_length", axis=0)
        self.node("Cast", ["mask_length"], "total_length", to=TensorProto.INT32)

    def rope_tables(self):
        pairs = np.arange(self.head_width // 2) / (self.head_width // 2)
        angles = np.outer(np.arange(self.shape.context), 10000.0**-pairs)
        self.weight("cos", np.cos(angles).astype(np.float32))
        self.weight("sin", np.sin(angles).astype(np.float32))

    def attention(self, layer, normed):
        shape, width = self.shape, self.head_width
        queries, keys = shape.heads * width, shape.kv_heads * width
        past = ["batch_size", shape.kv_heads, "past", width]
        present = ["batch_size", shape.kv_heads, "total", width]
        for part in ["key", "value"]:
            self.input(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, past)
            self.output(f"present.{layer}.{part}", present)
        attended = f"attended.{layer}"
        inputs = [
            self.matmul(normed, f"query.{layer}", shape.hidden, queries),
            self.matmul(normed, f"key.{layer}", shape.hidden, keys),
            self.matmul(normed, f"value.{layer}", shape.hidden, keys),
            f"past_key_values.{layer}.key",
            f"past_key_values.{layer}.value",
            "seqlens_k",
            "total_length",
            "cos",
            "sin",
        ]
        node = helper.make_node(
            "GroupQueryAttention",
            inputs,
            [attended, f"present.{layer}.key", f"present.{layer}.value"],
            domain=MICROSOFT,
            num_heads=shape.heads,
            kv_num_heads=shape.kv_heads,
            do_rotary=1,
            rotary_interleaved=0,
        )
        self.nodes.append(node)
        return self.matmul(attended, f"attention_output.{layer}", queries, shape.hidden)

    def feed_forward(self, layer, normed):
        shape = self.shape
        gate = self.matmul(normed, f"gate.{layer}", shape.hidden, shape.feed_forward)
        up = self.matmul(normed, f"up.{layer}", shape.hidden, shape.feed_forward)
        sigmoid = self.node("Sigmoid", [gate], f"sigmoid.{layer}")
        silu = self.node("Mul", [gate, sigmoid], f"silu.{layer}")
        product = self.node("Mul", [silu, up], f"product.{layer}")
        return self.matmul(product, f"down.{layer}", shape.feed_forward, shape.hidden)

    def add_and_norm(self, residual, update, norm):
        """`residual + update`, and its norm: the norm first."""
        normed, total = f"{norm}.normed", f"{norm}.residual"
        node = helper.make_node(
            "SkipSimplifiedLayerNormalization",
            [residual, update, norm],
            [normed, "", "", total],
            domain=MICROSOFT,
            epsilon=1e-5,
        )
        self.nodes.append(node)
        return normed, total

    def matmul(self, value, name, columns, rows):
        bits, blocks = self.shape.bits, columns // BLOCK
        quants = self.random.integers(0, 256, (rows, blocks, BLOCK * bits // 8), np.uint8)
        scale = DEVIATION * 12**0.5 / 2**bits
        node = helper.make_node(
            "MatMulNBits",
            [
                value,
                self.weight(f"{name}.quants", quants),
                self.weight(f"{name}.scales", np.full(rows * blocks, scale, np.float32)),
            ],
            [name],
            domain=MICROSOFT,
            K=columns,
            N=rows,
            bits=bits,
            block_size=BLOCK,
            accuracy_level=ACCURACY_LEVEL,
        )
        self.nodes.append(node)
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def weight(self, name, values):
        self.initializers.append(onnx.numpy_helper.from_array(values, name))
        return name

    def input(self, name, kind, shape):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))

    def output(self, name, shape):
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


if __name__ == "__main__":
    main()
