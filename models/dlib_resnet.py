"""dlib's face recognition network, from its own file to ONNX, without dlib.

The file is dlib's serialisation of `anet_type` (dnn_face_recognition_ex.cpp): layers in forward order, each a named record followed by its
tensor (version 2, four dimensions, raw float32). Numbers are one byte (sign and count of bytes), then the bytes, little end first. The file
is known by its sha256, so the reader asks only what that file answers. On OpenVINO the result takes a twenty-fifth of dlib's own time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.onnx_file import BYTES, VARINT, Field, message, node, tensor, text, value_info

SIDE = 150  # px; the chip this network looks at
# What dlib's input layer takes off red, green and blue before it divides by 256.
MEAN = (122.782, 117.001, 104.298)

# A layer's name with its length before it, as dlib writes strings: con_4, affine_, fc_no_bias_...
LAYER = re.compile(rb"\x01[\x03-\x0c](con_|affine_|fc_)")
# Per level: channels, whether its first block halves the picture, and how many blocks follow that keep it.
LEVELS = ((32, False, 3), (64, True, 3), (128, True, 2), (256, True, 2), (256, True, 0))
STEM = 32, 7  # channels and side of the first convolution
FEATURES = 128


class NotDlib(ValueError):
    """The bytes are not the serialisation that is understood here. The caller refuses the file."""


def convert(source: bytes) -> bytes:
    """The network as ONNX: `input` float32 (1, 3, 150, 150), normalised red, green, blue, to `embedding` (1, 128). Deterministic.

    Raises NotDlib.
    """
    graph = _Graph(list(_layers(source)))
    here = graph.add("MaxPool", [graph.convolve("input")], kernel_shape=[3, 3], strides=[2, 2])
    side, channels = 35, STEM[0]
    for wide, halves, blocks in LEVELS:
        if halves:
            here, side = graph.halve(here, side, wide - channels)
        for _ in range(blocks):
            here = graph.keep(here)
        channels = wide
    here = graph.add("Flatten", [graph.add("GlobalAveragePool", [here])], axis=1)
    graph.finish(here)
    return graph.model()


@dataclass(frozen=True, slots=True)
class _Layer:
    kind: str
    values: NDArray[np.float32]
    numbers: tuple[int, ...]  # a convolution's filters, rows, columns, strides down and across, paddings down and across


def _number(data: bytes, place: int) -> tuple[int, int]:
    count = data[place] & 0x0F
    value = int.from_bytes(data[place + 1 : place + 1 + count], "little")
    return (-value if data[place] & 0x80 else value), place + 1 + count


def _numbers(data: bytes, place: int, count: int) -> tuple[tuple[int, ...], int]:
    found = []
    for _ in range(count):
        value, place = _number(data, place)
        found.append(value)
    return tuple(found), place


def _layers(data: bytes) -> Iterator[_Layer]:
    place = 0
    while match := LAYER.search(data, place):
        length = data[match.start() + 1]
        kind, place = match[1].decode(), match.start() + 2 + length
        if kind == "fc_":
            _, place = _numbers(data, place, 2)
        (version, *dims), place = _numbers(data, place, 5)
        size = int(np.prod(dims))
        if version != 2 or place + 4 * size > len(data):
            raise NotDlib(f"no tensor after {kind}")
        values = np.frombuffer(data, "<f4", size, place)
        place += 4 * size
        shape = _numbers(data, place, 7)[0] if kind == "con_" else tuple(dims[:2])
        yield _Layer(kind, values, shape)


class _Graph:
    """The ONNX graph as it grows, fed from the layers in their order."""

    def __init__(self, layers: list[_Layer]) -> None:
        self._layers = iter(layers)
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []

    def add(self, kind: str, inputs: list[str], **attributes: list[int] | int) -> str:
        output = f"t{len(self._nodes)}"
        self._nodes.append(node(kind, inputs, output, **attributes))
        return output

    def convolve(self, here: str, *, active: bool = True) -> str:
        """The next convolution with the affine layer after it taken into its weights (in double precision)."""
        layer, affine = self._next("con_"), self._next("affine_")
        filters, rows, columns, down, across, pad_down, pad_across = layer.numbers
        gain, shift = (half.astype(np.float64) for half in np.split(affine.values[: 2 * filters], 2))
        weights = layer.values[:-filters].reshape(filters, -1, rows, columns).astype(np.float64) * gain[:, None, None, None]
        bias = layer.values[-filters:].astype(np.float64) * gain + shift
        inputs = [here, self._weight(weights.astype(np.float32)), self._weight(bias.astype(np.float32))]
        pads, strides = [pad_down, pad_across, pad_down, pad_across], [down, across]
        out = self.add("Conv", inputs, kernel_shape=[rows, columns], strides=strides, pads=pads)
        return self.add("Relu", [out]) if active else out

    def keep(self, here: str) -> str:
        """A residual block of the same size."""
        side = self.convolve(self.convolve(here), active=False)
        return self.add("Relu", [self.add("Add", [side, here])])

    def halve(self, here: str, side: int, more: int) -> tuple[str, int]:
        """A residual block that halves the picture and adds `more` channels: dlib's add_prev fills up with zeros whichever is smaller."""
        new = self.convolve(self.convolve(here), active=False)
        short = self.add("AveragePool", [here], kernel_shape=[2, 2], strides=[2, 2])
        convolved, pooled = (side - 3) // 2 + 1, (side - 2) // 2 + 1
        if more:
            short = self._pad(short, [0, 0, 0, 0, 0, more, 0, 0])
        if pooled > convolved:
            new = self._pad(new, [0, 0, 0, 0, 0, 0, pooled - convolved, pooled - convolved])
        return self.add("Relu", [self.add("Add", [new, short])]), pooled

    def finish(self, here: str) -> None:
        """The last layer, without bias, to the output."""
        layer = self._next("fc_")
        if layer.values.size % FEATURES or next(self._layers, None) is not None:
            raise NotDlib("layers left over")
        weights = self._weight(layer.values.reshape(-1, FEATURES))
        self._nodes.append(node("MatMul", [here, weights], "embedding"))

    def model(self) -> bytes:
        """ONNX, IR 8, opset 13."""
        nodes: list[Field] = [(1, BYTES, body) for body in self._nodes]
        weights: list[Field] = [(5, BYTES, body) for body in self._weights]
        picture: Field = (11, BYTES, value_info("input", [1, 3, SIDE, SIDE]))
        vector: Field = (12, BYTES, value_info("embedding", [1, FEATURES]))
        graph = message([*nodes, text(2, "dlib_resnet_v1"), *weights, picture, vector])
        opset = message([text(1, ""), (2, VARINT, 13)])
        return message([(1, VARINT, 8), (7, BYTES, graph), (8, BYTES, opset)])

    def _next(self, kind: str) -> _Layer:
        layer = next(self._layers, None)
        if layer is None or layer.kind != kind:
            raise NotDlib(f"{kind} expected")
        return layer

    def _weight(self, array: NDArray[np.generic]) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(tensor(name, array))
        return name

    def _pad(self, here: str, ends: list[int]) -> str:
        return self.add("Pad", [here, self._weight(np.array(ends, dtype=np.int64))])
