"""The little of the ONNX file format that is needed here, read and written without the `onnx` package (65 MB with protobuf, for two files).

An ONNX file is a protobuf message: fields of (number, wire type, payload). Numbers are those of onnx.proto, IR version 6 to 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FLOAT, INT8, INT64 = 1, 3, 7
TYPES: dict[int, str] = {FLOAT: "<f4", INT8: "i1", INT64: "<i8"}
Array = NDArray[np.generic]
Field = tuple[int, int, int | bytes]


class NotOnnx(ValueError):
    """The bytes are no ONNX file that is understood here. The caller refuses the file."""


def fields(data: bytes) -> Iterator[Field]:
    """The fields of one message in order: (number, wire type, value). Raises NotOnnx on torn or unknown bytes."""
    view, place, end = memoryview(data), 0, len(data)
    while place < end:
        key, place = _varint(view, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(view, place)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, place = _varint(view, place)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise NotOnnx(f"wire type {wire}")
        if place + size > end:
            raise NotOnnx("ends in the middle of a field")
        yield number, wire, bytes(view[place : place + size])
        place += size


def message(parts: Iterable[Field]) -> bytes:
    """The bytes of a message: the reverse of `fields`."""
    out = bytearray()
    for number, wire, value in parts:
        out += _coded(number << 3 | wire)
        if isinstance(value, int):
            out += _coded(value)
        else:
            if wire == BYTES:
                out += _coded(len(value))
            out += value
    return bytes(out)


def text(number: int, value: str) -> Field:
    """A string field."""
    return number, BYTES, value.encode()


def tensor(name: str, array: Array) -> bytes:
    """A TensorProto holding the array as raw little-endian bytes."""
    kind = {"f": FLOAT, "i": INT64}[array.dtype.kind]
    dims: list[Field] = [(1, VARINT, n) for n in array.shape]
    raw = np.ascontiguousarray(array, dtype=TYPES[kind]).tobytes()
    return message([*dims, (2, VARINT, kind), text(8, name), (9, BYTES, raw)])


def tensor_value(data: bytes) -> tuple[str, Array | None]:
    """The name and the array of a TensorProto; None for a type that nothing here needs."""
    dims: list[int] = []
    kind, name, raw, typed = 0, "", b"", b""
    for number, wire, value in fields(data):
        if number == 1:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and isinstance(value, bytes):
            name = value.decode()
        elif number == 9 and isinstance(value, bytes):
            raw = value
        elif number == 4 and isinstance(value, bytes):
            typed += value  # float_data: packed, or one FIXED32 after the other
        elif number in (5, 7) and wire == BYTES and isinstance(value, bytes) and kind in (0, INT64):
            typed += np.array(_packed(value), dtype="<i8").tobytes()
    if kind not in TYPES:
        return name, None
    found = np.frombuffer(raw or typed, dtype=TYPES[kind])
    if found.size != int(np.prod(dims, dtype=np.int64)):
        raise NotOnnx(f"{name}: {found.size} values for the shape {dims}")
    return name, found.reshape(dims)


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Sequence[int] | int) -> bytes:
    """A NodeProto with one output and attributes of whole numbers."""
    parts = [text(1, name) for name in inputs] + [text(2, output), text(4, kind)]
    for name, value in attributes.items():
        if isinstance(value, int):
            body: list[Field] = [text(1, name), (3, VARINT, value), (20, VARINT, 2)]
        else:
            body = [text(1, name), *((8, VARINT, one) for one in value), (20, VARINT, 7)]
        parts.append((5, BYTES, message(body)))
    return message(parts)


def value_info(name: str, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto of floats; a word in the shape is a free dimension."""
    dims: list[Field] = [(1, BYTES, message([(1, VARINT, d) if isinstance(d, int) else text(2, d)])) for d in shape]
    kind = message([(1, VARINT, FLOAT), (2, BYTES, message(dims))])
    return message([text(1, name), (2, BYTES, message([(1, BYTES, kind)]))])


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(view) or shift > 63:
            raise NotOnnx("ends in the middle of a number")
        byte = view[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _coded(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as their two's complement of 64 bits
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _packed(data: bytes) -> list[int]:
    view, place, found = memoryview(data), 0, []
    while place < len(view):
        value, place = _varint(view, place)
        found.append(value - (1 << 64) if value >> 63 else value)
    return found
