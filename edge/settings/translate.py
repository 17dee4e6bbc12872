"""From what pydantic says to faults that a person can act on: the place in the file, the words, the nearest valid word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from edge.log import redact
from edge.settings.faults import Fault, Path, Place, nearest
from edge.settings.fields import fields, is_secret, kinds_at, models, value_at
from edge.settings.source import WIDE_SIGNS, Tree
from edge.settings.words import WORDS

_NAME_PATTERN = "[a-z0-9_]{1,32}"
_GROUPS = frozenset({"groups", "default_groups"})
"""Settings that name groups of people: those have no label, and the sheet has its own words for them."""
_CODES = {
    "int_type": "int", "int_parsing": "int", "int_from_float": "int", "int_parsing_size": "int",
    "float_type": "float", "float_parsing": "float", "finite_number": "float",
    "bool_type": "bool", "bool_parsing": "bool",
    "string_type": "string", "path_type": "string", "bytes_type": "string",
    "literal_error": "choice", "enum": "choice",
    "model_type": "mapping", "model_attributes_type": "mapping", "dict_type": "mapping", "mapping_type": "mapping",
    "list_type": "list", "tuple_type": "list", "set_type": "list", "frozen_set_type": "list",
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_WITH_UNIT = re.compile(_NUMBER.pattern + r"\s*[^\W\d_]{1,8}")
_ONE_OF = "expected one of "


class Layers:
    """The sources of settings, strongest (credentials) first, asked as one where something stands."""

    def __init__(self, trees: Sequence[Tree], root: Place) -> None:
        self._trees = trees
        self._root = root

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where this is written, or the nearest thing around it that is."""
        for length in range(len(path), -1, -1):
            for tree in self._trees:
                found = tree.place(path[:length], key=key or length < len(path))
                if found is not None:
                    return found
        return self._root

    def has(self, path: Path) -> bool:
        """Whether anything is written there."""
        return any(path in tree.places for tree in self._trees)

    def written(self, path: Path) -> str:
        """A number as it stands in the file, 001 for 1; empty for what was not read as a number."""
        return next((tree.numbers.get(path, "") for tree in self._trees if path in tree.places), "")

    def from_credential(self, path: Path) -> bool:
        """Whether a credential gives this value."""
        return self.written_in(path, self._trees[0])

    def written_in(self, path: Path, tree: Tree) -> bool:
        """Whether this value is the one of `tree`."""
        return next((t for t in self._trees if path in t.places), None) is tree


def translate(errors: Iterable[ErrorDetails], layers: Layers, root: type[BaseModel], values: Mapping[str, object]) -> list[Fault]:
    """Faults from the errors of one validation, ordered as they stand in the file."""
    found: list[tuple[bool, Fault]] = []
    for error in errors:
        path, branch = _real(error["loc"], layers, error["type"])
        found.append((branch, _fault(error, path, layers, root, values)))
    faults: list[Fault] = []
    for branch, fault in found:
        # Of a choice between kinds ("a list of spans, or a weekday") tell only the one that came furthest.
        deeper = any(b and f is not fault and f.path[: len(fault.path)] == fault.path and len(f.path) > len(fault.path) for b, f in found)
        rival = any(b and f is not fault and f.path == fault.path and _better(f, fault) for b, f in found)
        if not (branch and (deeper or rival)) and not any(branch and f.path == fault.path for f in faults) and fault not in faults:
            faults.append(fault)
    return faults


def _better(one: Fault, other: Fault) -> bool:
    """A word that is none of the choices was meant to be one, not a list."""
    return one.code == "choice" != other.code and dict(one.values)["read"].startswith("'")


def keys_at(root: type[BaseModel], path: Path, values: Mapping[str, object]) -> set[str]:
    """The valid keys of the mapping at `path`; empty where any key goes."""
    value = value_at(values, path)
    return {key for model in models(kinds_at(root, path, values)) for key in fields(model, value)}


def _real(loc: tuple[int | str, ...], layers: Layers, kind: str) -> tuple[Path, bool]:
    """The path in the file: pydantic's own marks (the alternatives of a union, "[key]") are left out. True if there was a union."""
    path: Path = ()
    branch = False
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if layers.has((*path, step)) or (last and kind in {"missing", "extra_forbidden"}):
            path = (*path, step)
        elif step != "[key]":
            branch = True
    return path, branch


def _fault(error: ErrorDetails, path: Path, layers: Layers, root: type[BaseModel], values: Mapping[str, object]) -> Fault:
    given = error.get("ctx", {})
    inner = given.get("at", ())  # a fault of a whole piece that one key in it makes
    path = (*path, *inner)
    ctx = {key: _shown(value) for key, value in given.items() if key != "at"}
    ctx["key"] = str(path[-1]) if path else ""
    kinds = kinds_at(root, path, values)
    secret = is_secret(kinds) or layers.from_credential(path)
    ctx["read"] = "***" if secret or not kinds else _read(error.get("input"))
    ctx["why"] = redact(error["msg"].removeprefix("Value error, "))
    kind = error["type"]
    if kind == "value_error" and ctx["why"].startswith(_ONE_OF):
        kind, ctx["expected"] = "literal_error", ", ".join(f"'{word}'" for word in ctx["why"].removeprefix(_ONE_OF).split(", "))
    is_key = "[key]" in error["loc"] or kind == "extra_forbidden" or bool(inner)
    near = nearest(str(inner[-1]), given["expected"]) if inner else ""
    if kind == "missing" and (typo := _misspelt(path, root, values)):
        kind, path, is_key = "extra_forbidden", (*path[:-1], typo), True
        ctx["key"] = typo
    if kind == "extra_forbidden":
        near = nearest(ctx["key"], keys_at(root, path[:-1], values) - _known_keys(path[:-1], values))
        code = kind
    elif kind == "string_pattern_mismatch":
        code = "name" if _NAME_PATTERN in ctx.get("pattern", "") else "pattern"
        if code == "name" and not _GROUPS.isdisjoint(map(str, path)):
            code = "group_name"
    else:
        code = _CODES.get(kind, kind if kind in WORDS else "invalid")
    if not secret:
        code = _sharper(code, ctx["key"], error.get("input"))
    if code == "odd_space":
        ctx["what"] = f"U+{ord(ctx['key'][0]):04X}"
    if code == "wide_sign":
        sign = next(sign for sign in str(error.get("input")) if sign in WIDE_SIGNS)
        ctx |= {"read": sign, "sign": WIDE_SIGNS[sign]}
    if code == "string":
        ctx["read"] = layers.written(path) or ctx["read"]
    if code == "choice":
        choices = re.findall(r"'([^']*)'", ctx.get("expected", ""))
        near = nearest(str(error.get("input")), choices)
        ctx["expected"] = ", ".join(choices) or ctx.get("expected", "")
    return Fault(layers.place(path, key=is_key), code, tuple(sorted(ctx.items())), near, path=path)


def _misspelt(path: Path, root: type[BaseModel], values: Mapping[str, object]) -> str:
    """The key beside a missing one that was meant to be it; empty where there is none."""
    known, key = keys_at(root, path[:-1], values), str(path[-1])
    return next((found for found in sorted(_known_keys(path[:-1], values) - known) if nearest(found, [key])), "")


def _sharper(code: str, key: str, read: object) -> str:
    """The same fault, where what was written shows the slip of the hand."""
    if code == "extra_forbidden" and ":" in key:
        return "colon_space"
    if code == "extra_forbidden" and not key[:1].isascii() and key[:1].isspace():
        return "odd_space"
    if not isinstance(read, str):
        return code
    if read[:1] in {"“", "”"} or (code in {"name", "group_name"} and any(sign in read for sign in WIDE_SIGNS)):
        return "wide_sign"
    if code == "mapping" and re.match(r"[A-Za-z_][A-Za-z0-9_-]*:[^\s/]", read):
        return "colon_space"
    if code in {"int", "float"} and (plain := unicodedata.normalize("NFKC", read)) != read and _NUMBER.fullmatch(plain.strip()):
        return "wide_digits"
    if code in {"int", "float"} and _WITH_UNIT.fullmatch(unicodedata.normalize("NFKC", read).strip()):
        return "no_unit"
    return code


def _known_keys(path: Path, values: Mapping[str, object]) -> set[str]:
    """The keys already written at `path`: a misspelt word is not meant to be one of those."""
    here = value_at(values, path)
    return set(here) if isinstance(here, Mapping) else set()


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read(value: object) -> str:
    """What was written, short and harmless: a mapping or list is only named."""
    if isinstance(value, Mapping):
        return "{…}"
    if isinstance(value, list | tuple):
        return "[…]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    text = text if isinstance(value, int | float) else f"'{redact(text)}'"
    return text if len(text) <= 60 else text[:60] + "…"
