"""What may stand where in site.yaml: the models' own types, followed along a path, a driver's options among them."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

import drivers
import drivers.camera
from edge.gate.settings import ControllerSettings
from edge.settings.faults import Path
from edge.vision.settings import CameraSettings

_OPTIONS = {ControllerSettings: (drivers.KINDS, drivers.options), CameraSettings: (drivers.camera.KINDS, drivers.camera.options)}


def walk(root: type[BaseModel], values: Mapping[str, object]) -> Iterator[tuple[Path, list[object], object]]:
    """Every value: its path, the types it may have (none where nobody knows the key), and the value."""
    yield from _walk((), [root], values)


def _walk(path: Path, kinds: list[object], value: object) -> Iterator[tuple[Path, list[object], object]]:
    yield path, kinds, value
    inner: Sequence[tuple[str | int, object]] = ()
    if isinstance(value, Mapping):
        inner = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for step, each in inner:
        yield from _walk((*path, step), [below for kind in kinds for below in inside(kind, step, value)], each)


def kinds_at(root: type[BaseModel], path: Path, values: object) -> list[object]:
    """The types that may stand at `path`; none where nobody knows it."""
    kinds: list[object] = [root]
    for step in path:
        kinds = [below for kind in kinds for below in inside(kind, step, values)]
        values = value_at(values, (step,))
    return kinds


def value_at(values: object, path: Path) -> object:
    """What is written at `path`, or None."""
    for step in path:
        if isinstance(values, list) and isinstance(step, int):
            values = values[step] if step < len(values) else None
        else:
            values = values.get(str(step)) if isinstance(values, Mapping) else None
    return values


def inside(kind: object, step: str | int, value: object) -> list[object]:
    """The types that may stand one step further down."""
    out: list[object] = []
    for plain in alternatives(kind):
        origin = typing.get_origin(plain)
        args = typing.get_args(plain)
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            if (found := fields(plain, value).get(str(step))) is not None:
                out.append(found.annotation)
        elif isinstance(origin, type) and issubclass(origin, Mapping) and len(args) == 2:
            out.append(args[1])
        elif origin in {list, tuple, set, frozenset} and args:
            out.append(args[0])
    return out


def fields(model: type[BaseModel], value: object) -> dict[str, FieldInfo]:
    """The keys of a mapping of this model; a device's are its own and those of its driver."""
    found = dict(model.model_fields)
    kinds, options = _OPTIONS.get(model, ({}, None))
    if options is not None:
        del found["options"]
        driver = value.get("driver") if isinstance(value, Mapping) else None
        if isinstance(driver, str) and driver in kinds:
            with suppress(ImportError):  # reported by edge.settings.load
                found |= options(driver).model_fields
    return found


def models(kinds: list[object]) -> list[type[BaseModel]]:
    """Those of the types that are models."""
    return [plain for kind in kinds for plain in alternatives(kind) if isinstance(plain, type) and issubclass(plain, BaseModel)]


def is_secret(kinds: list[object]) -> bool:
    """Whether a value of these types is never to be shown."""
    return any(isinstance(plain, type) and issubclass(plain, SecretStr | SecretBytes) for kind in kinds for plain in alternatives(kind))


def alternatives(kind: object) -> list[object]:
    """The types a union is made of, and what an annotation is about."""
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return [plain for arg in typing.get_args(kind) for plain in alternatives(arg)]
    if origin is typing.Annotated:
        return alternatives(typing.get_args(kind)[0])
    return [kind]
