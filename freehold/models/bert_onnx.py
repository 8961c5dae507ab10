"""Writes a BERT's weights down as an ONNX graph, without torch.

An encoder of single texts takes `input_ids` and `attention_mask` (int64, batch × tokens) and gives
`sentence` (the mean of the unmasked tokens, of unit length) and `tokens` (the last hidden state). A reader
of two texts takes `input_ids` and `token_type_ids` and gives `spans` (batch × tokens × 2: how likely an
answer starts and ends there, in log odds). Knows nothing of tokenizers, files or where weights come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.errors import ModelRejected

OPSET = 20
"""The first with Gelu; every onnxruntime we allow runs it."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class BertShape:
    """What the tensors' own shapes do not tell."""

    layers: int
    heads: int
    layer_norm_eps: float = 1e-12


def build(weights: Mapping[str, Array], shape: BertShape) -> Any:
    """The `onnx.ModelProto` of an encoder with Hugging Face's tensor names.

    Raises:
        ModelRejected: a tensor is missing or has a shape that does not fit the others.
    """
    graph = _Graph(weights, shape)
    x = graph.encoder(graph.mask())
    graph.op("Identity", [x], "tokens")
    graph.pool(x)
    return graph.model(
        ["input_ids", "attention_mask"],
        {"sentence": ["batch", graph.hidden], "tokens": ["batch", "length", graph.hidden]},
    )


def build_reader(weights: Mapping[str, Array], shape: BertShape) -> Any:
    """The `onnx.ModelProto` of a reader: an encoder of pairs, and `qa_outputs` over its last hidden state.

    It has no mask, so a batch's pairs must be of one length.

    Raises:
        ModelRejected: a tensor is missing or has a shape that does not fit the others.
    """
    graph = _Graph(weights, shape)
    graph.linear("qa_outputs", graph.encoder(None, types="token_type_ids"), graph.hidden, out="spans")
    return graph.model(["input_ids", "token_type_ids"], {"spans": ["batch", "length", 2]})


@dataclass(slots=True)
class _Graph:
    weights: Mapping[str, Array]
    shape: BertShape
    hidden: int = 0
    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)

    def model(self, inputs: list[str], outputs: Mapping[str, list[Any]]) -> Any:
        """What was drawn, checked."""
        import onnx

        describe = onnx.helper.make_tensor_value_info
        drawn = onnx.helper.make_graph(
            self.nodes,
            "bert",
            [describe(name, onnx.TensorProto.INT64, ["batch", "length"]) for name in inputs],
            [describe(name, onnx.TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self.initializers,
        )
        model = onnx.helper.make_model(
            drawn,
            opset_imports=[onnx.helper.make_opsetid("", OPSET)],
            ir_version=9,
            producer_name="freehold",
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def encoder(self, bias: str | None, types: str | None = None) -> str:
        """The last hidden state; `types` is the input that tells two texts apart, if there may be two."""
        words = self.weight("embeddings.word_embeddings.weight")
        self.hidden = int(words.shape[1])
        if self.hidden % self.shape.heads:
            raise ModelRejected(f"{self.hidden} hidden units do not divide into {self.shape.heads} heads.")
        x = self.embed(words, types)
        for number in range(self.shape.layers):
            x = self.layer(f"encoder.layer.{number}", x, bias)
        return x

    def mask(self) -> str:
        """0 where a token counts, very negative where it is padding: (batch, 1, 1, length)."""
        mask = self.op("Cast", ["attention_mask"], "mask", to=1)
        hidden = self.op("Sub", [self.const("one", np.float32(1)), mask], "mask.inverse")
        bias = self.op("Mul", [hidden, self.const("lowest", np.float32(-1e9))], "mask.bias")
        return self.op("Unsqueeze", [bias, self.const("axes_1_2", np.array([1, 2]))], "mask.heads")

    def embed(self, words: Array, types: str | None) -> str:
        positions = self.weight("embeddings.position_embeddings.weight")
        kinds = self.weight("embeddings.token_type_embeddings.weight")
        x = self.op("Gather", [self.const("words", words), "input_ids"], "embed.words")
        if types is None:  # type 0 everywhere, so its row becomes part of every position's
            positions = positions + kinds[0]
        else:
            x = self.op(
                "Add",
                [x, self.op("Gather", [self.const("types", kinds), types], "embed.type")],
                "embed.typed",
            )
        length = self.op("Shape", ["input_ids"], "embed.length", start=1, end=2)
        table = self.const("positions", positions)
        used = self.op(
            "Slice",
            [table, self.const("from_0", np.array([0])), length, self.const("axis_0", np.array([0]))],
            "embed.positions",
        )
        return self.norm("embeddings.LayerNorm", self.op("Add", [x, used], "embed.sum"))

    def layer(self, at: str, x: str, bias: str | None) -> str:
        head = self.hidden // self.shape.heads
        scale = np.float32(head**-0.5)
        own = f"{at}.attention.self"
        # One product for query, key and value, the score's scale folded into the query.
        kernel = np.concatenate(
            [
                self.weight(f"{own}.query.weight", self.hidden, self.hidden).T * scale,
                self.weight(f"{own}.key.weight", self.hidden, self.hidden).T,
                self.weight(f"{own}.value.weight", self.hidden, self.hidden).T,
            ],
            axis=1,
        )
        offset = np.concatenate(
            [
                self.weight(f"{own}.query.bias", self.hidden) * scale,
                self.weight(f"{own}.key.bias", self.hidden),
                self.weight(f"{own}.value.bias", self.hidden),
            ]
        )
        mixed = self.dense(f"{own}.qkv", x, kernel, offset)
        q, k, v = (f"{own}.{part}" for part in ("q", "k", "v"))
        self.op("Split", [mixed], q, k, v, axis=2, num_outputs=3)
        apart = self.const("apart", np.array([0, 0, self.shape.heads, head]))
        q = self.op("Transpose", [self.op("Reshape", [q, apart], f"{q}.4d")], f"{q}.heads", perm=[0, 2, 1, 3])
        k = self.op("Transpose", [self.op("Reshape", [k, apart], f"{k}.4d")], f"{k}.heads", perm=[0, 2, 3, 1])
        v = self.op("Transpose", [self.op("Reshape", [v, apart], f"{v}.4d")], f"{v}.heads", perm=[0, 2, 1, 3])
        scores = self.op("MatMul", [q, k], f"{own}.scores")
        if bias is not None:
            scores = self.op("Add", [scores, bias], f"{own}.masked")
        mix = self.op("MatMul", [self.op("Softmax", [scores], f"{own}.share", axis=-1), v], f"{own}.mix")
        mix = self.op("Transpose", [mix], f"{own}.tokens", perm=[0, 2, 1, 3])
        mix = self.op("Reshape", [mix, self.const("joined", np.array([0, 0, self.hidden]))], f"{own}.joined")
        mix = self.linear(f"{at}.attention.output.dense", mix, self.hidden)
        x = self.norm(f"{at}.attention.output.LayerNorm", self.op("Add", [mix, x], f"{at}.attended"))
        inner = self.linear(f"{at}.intermediate.dense", x, self.hidden)
        inner = self.op("Gelu", [inner], f"{at}.gelu")
        wide = int(self.weight(f"{at}.intermediate.dense.weight").shape[0])
        outer = self.linear(f"{at}.output.dense", inner, wide)
        return self.norm(f"{at}.output.LayerNorm", self.op("Add", [outer, x], f"{at}.sum"))

    def pool(self, x: str) -> None:
        mask = self.op("Unsqueeze", ["mask", self.const("axis_2", np.array([2]))], "pool.mask")
        axis = self.const("axis_1", np.array([1]))
        total = self.op("ReduceSum", [self.op("Mul", [x, mask], "pool.kept"), axis], "pool.sum", keepdims=0)
        count = self.op("ReduceSum", [mask, axis], "pool.count", keepdims=0)
        mean = self.op("Div", [total, count], "pool.mean")
        self.op("LpNormalization", [mean], "sentence", axis=1, p=2)

    def linear(self, name: str, x: str, width: int, out: str | None = None) -> str:
        kernel = self.weight(f"{name}.weight")
        if kernel.ndim != 2 or kernel.shape[1] != width:
            raise ModelRejected(f"Tensor {name}.weight has shape {kernel.shape}, not (…, {width}).")
        return self.dense(name, x, kernel.T, self.weight(f"{name}.bias", int(kernel.shape[0])), out)

    def dense(self, name: str, x: str, kernel: Array, bias: Array, out: str | None = None) -> str:
        product = self.op("MatMul", [x, self.const(f"{name}.kernel", kernel)], f"{name}.product")
        return self.op("Add", [product, self.const(f"{name}.offset", bias)], out or f"{name}.out")

    def norm(self, name: str, x: str) -> str:
        scale = self.const(f"{name}.scale", self.weight(f"{name}.weight", self.hidden))
        shift = self.const(f"{name}.shift", self.weight(f"{name}.bias", self.hidden))
        return self.op(
            "LayerNormalization",
            [x, scale, shift],
            f"{name}.out",
            axis=-1,
            epsilon=self.shape.layer_norm_eps,
        )

    def weight(self, name: str, *shape: int) -> Array:
        try:
            value = self.weights[name]
        except KeyError:
            raise ModelRejected(f"Tensor {name} is missing.") from None
        if shape and value.shape != shape:
            raise ModelRejected(f"Tensor {name} has shape {value.shape}, not {shape}.")
        return value.astype(np.float32)

    def const(self, name: str, value: Array | np.float32) -> str:
        import onnx

        if all(known.name != name for known in self.initializers):
            self.initializers.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        import onnx

        self.nodes.append(onnx.helper.make_node(kind, inputs, list(outputs), name=outputs[0], **attributes))
        return outputs[0]
