"""OpenCV Zoo's block-quantised files (int8bq) as plain float32 ONNX.

The files keep weights as int8 with a scale per block (DequantizeLinear with `block_size`, opset 21), then reshape them; OpenVINO refuses
one-dimensional blocks. Both steps have constant inputs, so they are carried out here, once, and the network is left with float32
constants: the same numbers, in a file that any runtime reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.onnx_file import BYTES, Array, Field, NotOnnx, fields, message, tensor, tensor_value

# Field numbers of ModelProto, GraphProto, NodeProto and AttributeProto.
GRAPH = 7
NODE, INITIALIZER, INPUT, VALUE_INFO = 1, 5, 11, 13
NODE_INPUT, NODE_OUTPUT, NODE_KIND, NODE_ATTRIBUTE = 1, 2, 4, 5
NAME, WHOLE = 1, 3


def fold(source: bytes) -> bytes:
    """The same network with every constant DequantizeLinear and Reshape carried out. Deterministic: same bytes in, same bytes out.

    Raises NotOnnx for bytes that are no ONNX file.
    """
    model = list(fields(source))
    if GRAPH not in {number for number, _, _ in model}:
        raise NotOnnx("no graph in it")
    return message((n, w, _fold_graph(v)) if n == GRAPH and isinstance(v, bytes) else (n, w, v) for n, w, v in model)


@dataclass(slots=True)
class _Node:
    """What folding needs to know of a node."""

    kind: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    whole: dict[str, int] = field(default_factory=dict)


def _fold_graph(graph: bytes) -> bytes:
    parts = list(fields(graph))
    bodies = {tensor_value(body)[0]: body for body in _of(parts, INITIALIZER)}
    known = {name: value for name, body in bodies.items() if (value := tensor_value(body)[1]) is not None}
    made: dict[str, bytes] = {}
    rest: list[Field] = []
    used: set[str] = set()
    for body in _of(parts, NODE):
        node = _node(body)
        value = _constant(node, known)
        if value is None:
            rest.append((NODE, BYTES, body))
            used.update(node.inputs)
        else:
            known[node.outputs[0]] = value
            made[node.outputs[0]] = tensor(node.outputs[0], value)
    weights = bodies | made
    rest += [(INITIALIZER, BYTES, weights[name]) for name in sorted(used & weights.keys())]
    # Initialisers are listed among the inputs too in these files: only the picture is one. Shapes within are left to the runtime.
    rest += [(INPUT, BYTES, body) for body in _of(parts, INPUT) if _name(body) not in bodies]
    return message(rest + [part for part in parts if part[0] not in (NODE, INITIALIZER, INPUT, VALUE_INFO)])


def _of(parts: Iterable[Field], wanted: int) -> Iterator[bytes]:
    """The messages among the fields that bear one number."""
    return (body for number, _, body in parts if number == wanted and isinstance(body, bytes))


def _node(body: bytes) -> _Node:
    node = _Node()
    for number, _, value in fields(body):
        if not isinstance(value, bytes):
            continue
        if number == NODE_INPUT:
            node.inputs.append(value.decode())
        elif number == NODE_OUTPUT:
            node.outputs.append(value.decode())
        elif number == NODE_KIND:
            node.kind = value.decode()
        elif number == NODE_ATTRIBUTE:
            whole = [v for n, _, v in fields(value) if n == WHOLE and isinstance(v, int)]
            if whole:
                node.whole[_name(value)] = whole[0]
    return node


def _constant(node: _Node, known: dict[str, Array]) -> Array | None:
    """What the node gives, if that is known now and it is one of the two kinds."""
    if node.kind not in ("DequantizeLinear", "Reshape") or not all(name in known for name in node.inputs if name):
        return None
    given = [known[name] for name in node.inputs if name]
    if node.kind == "Reshape":
        return given[0].reshape([int(n) for n in given[1]])
    weights, scale = given[0].astype(np.float32), given[1].astype(np.float32)
    zero = given[2].astype(np.float32) if len(given) > 2 else np.zeros_like(scale)
    axis, block = node.whole.get("axis", 1), node.whole.get("block_size", 0)
    if not block:
        raise NotOnnx("a quantisation without blocks is not expected here")
    return (weights - _spread(zero, block, axis, weights.shape[axis])) * _spread(scale, block, axis, weights.shape[axis])


def _spread(values: NDArray[np.float32], block: int, axis: int, length: int) -> NDArray[np.float32]:
    """One value a block as one value an element; the last block may be short."""
    return np.take(np.repeat(values, block, axis=axis), range(length), axis=axis)


def _name(body: bytes) -> str:
    return next((v.decode() for n, _, v in fields(body) if n == NAME and isinstance(v, bytes)), "")
