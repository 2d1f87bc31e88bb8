"""Writes a sentence encoder (BERT, all matrices in Q8_0) from its GGUF file as transformers.js takes it: config.json and
onnx/model_quantized.onnx in a folder.

The graph is what ONNX Runtime's optimiser makes of a BERT: fused embedding, attention, norms and GELU. Matrices are of
8 bits either way: blocks of 32 numbers as the GGUF file has them (MatMulNBits), or numbers with a scale for each row
(DynamicQuantizeMatMul). The embedding is in 32-bit floats.
Operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

import argparse
import json
import pathlib

import gguf
import numpy as np
import onnx
from onnx import TensorProto, helper

MICROSOFT = "com.microsoft"
BLOCK = 32
# Lets ONNX Runtime take activations in 8 bits within a product, where it has kernels for that.
ACCURACY_LEVEL = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", type=pathlib.Path, help="the GGUF file")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", action="store_true", help="a scale for each row, not for each block")
    arguments = parser.parse_args()

    encoder = Encoder(arguments.encoder)
    graph = Graph(encoder, arguments.rows)
    (arguments.folder / "onnx").mkdir(parents=True, exist_ok=True)
    onnx.save(graph.model(), arguments.folder / "onnx" / "model_quantized.onnx")
    # Written last: it tells that all is there.
    (arguments.folder / "config.json").write_text(json.dumps(encoder.config()))


class Encoder:
    """The metadata and tensors of a GGUF file."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        value = lambda name: reader.get_field(f"bert.{name}").contents()
        self.hidden = value("embedding_length")
        self.feed_forward = value("feed_forward_length")
        self.layers = value("block_count")
        self.heads = value("attention.head_count")
        self.context = value("context_length")
        self.epsilon = value("attention.layer_norm_epsilon")
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}

    def config(self):
        return {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": self.hidden,
            "intermediate_size": self.feed_forward,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "vocab_size": len(self.tensors["token_embd.weight"].data),
            "max_position_embeddings": self.context,
            "layer_norm_eps": self.epsilon,
        }

    def floats(self, name):
        """A tensor as 32-bit floats."""
        tensor = self.tensors[name]
        return gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)

    def blocks(self, name):
        """A matrix of Q8_0: numbers `[rows, blocks, 32]` of 8 bits with a sign, and scales `[rows, blocks]`."""
        tensor = self.tensors[name]
        if tensor.tensor_type != gguf.GGMLQuantizationType.Q8_0:
            raise SystemExit(f"{name} is {tensor.tensor_type.name}, not Q8_0")
        rows = len(tensor.data)
        blocks = np.ascontiguousarray(tensor.data).reshape(rows, -1, 2 + BLOCK)
        scales = np.ascontiguousarray(blocks[:, :, :2]).view(np.float16)[:, :, 0]
        return blocks[:, :, 2:].view(np.int8), scales.astype(np.float32)


class Graph:
    """Nodes and weights, gathered in the order of the data flow."""

    def __init__(self, encoder, rows):
        self.encoder = encoder
        self.matmul = self.matmul_of_rows if rows else self.matmul_of_blocks
        self.nodes = []
        self.initializers = []

    def model(self):
        tokens = ["batch_size", "tokens"]
        names = ["input_ids", "attention_mask", "token_type_ids"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in names]
        ids, mask, types = [self.node("Cast", [name], f"{name}.32", to=TensorProto.INT32) for name in names]
        states = self.embedding(ids, types)
        for layer in range(self.encoder.layers):
            block = f"blk.{layer}"
            attended = self.attention(block, states, mask)
            states = self.add_and_norm(states, attended, f"{block}.attn_output")
            fed = self.feed_forward(block, states)
            output = "last_hidden_state" if layer + 1 == self.encoder.layers else None
            states = self.add_and_norm(states, fed, f"{block}.ffn_down", f"{block}.layer_output_norm", output)
        shape = [*tokens, self.encoder.hidden]
        outputs = [helper.make_tensor_value_info(states, TensorProto.FLOAT, shape)]
        graph = helper.make_graph(self.nodes, "bert", inputs, outputs, self.initializers)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def embedding(self, ids, types):
        tables = ["token_embd.weight", "position_embd.weight", "token_types.weight"]
        norm = ["token_embd_norm.weight", "token_embd_norm.bias"]
        inputs = [ids, types, *(self.floats(name) for name in tables + norm)]
        self.fused("EmbedLayerNormalization", inputs, ["embedded", "mask_index"], epsilon=self.encoder.epsilon)
        return "embedded"

    def attention(self, block, states, mask):
        parts = [f"{block}.attn_{part}" for part in "qkv"]
        biases = np.concatenate([self.encoder.floats(f"{part}.bias") for part in parts])
        bias = self.weight(f"{block}.attn.bias", biases)
        inputs = [*(self.matmul(states, part) for part in parts), bias, mask]
        attended = f"{block}.attended"
        self.fused("MultiHeadAttention", inputs, [attended], num_heads=self.encoder.heads)
        return self.matmul(attended, f"{block}.attn_output")

    def feed_forward(self, block, states):
        up = self.matmul(states, f"{block}.ffn_up")
        gelu = f"{block}.gelu"
        self.fused("BiasGelu", [up, self.floats(f"{block}.ffn_up.bias")], [gelu])
        return self.matmul(gelu, f"{block}.ffn_down")

    def add_and_norm(self, states, update, linear, norm=None, output=None):
        """The norm of `states + update + bias`, the bias being that of the layer that made the update."""
        norm = norm or f"{linear}_norm"
        output = output or f"{norm}.normed"
        weights = [self.floats(f"{norm}.weight"), self.floats(f"{norm}.bias"), self.floats(f"{linear}.bias")]
        inputs = [states, update, *weights]
        self.fused("SkipLayerNormalization", inputs, [output], epsilon=self.encoder.epsilon)
        return output

    def matmul_of_blocks(self, value, name):
        numbers, scales = self.encoder.blocks(f"{name}.weight")
        rows, blocks = scales.shape
        # Numbers have no sign here: 128 stands for zero.
        unsigned = (numbers.astype(np.int16) + 128).astype(np.uint8)
        inputs = [
            value,
            self.weight(f"{name}.numbers", unsigned),
            self.weight(f"{name}.scales", scales.reshape(-1)),
        ]
        shape = {"K": blocks * BLOCK, "N": rows, "bits": 8, "block_size": BLOCK}
        return self.fused("MatMulNBits", inputs, [f"{name}.product"], accuracy_level=ACCURACY_LEVEL, **shape)

    def matmul_of_rows(self, value, name):
        matrix = self.encoder.floats(f"{name}.weight")
        scales = np.abs(matrix).max(axis=1) / 127
        numbers = np.rint(matrix / scales[:, None]).astype(np.int8)
        inputs = [
            value,
            self.weight(f"{name}.numbers", np.ascontiguousarray(numbers.T)),
            self.weight(f"{name}.scales", scales),
        ]
        return self.fused("DynamicQuantizeMatMul", inputs, [f"{name}.product"])

    def fused(self, operator, inputs, outputs, **attributes):
        """A node of one of ONNX Runtime's own operators; its first output."""
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=MICROSOFT, **attributes))
        return outputs[0]

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def floats(self, name):
        return self.weight(name, self.encoder.floats(name))

    def weight(self, name, values):
        self.initializers.append(onnx.numpy_helper.from_array(values, name))
        return name


if __name__ == "__main__":
    main()
