"""site.yaml as plain values and places: YAML 1.2 read from bytes that a person's editor wrote.

Whatever can be read is handed on even when something is wrong, so that one report holds every fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from edge.settings.faults import Fault, Path, Place

# A site of 64 doors is about 40 KB. The bounds keep a file that is no settings file from filling the memory.
MAX_BYTES = 1 << 20
MAX_NODES = 50_000
MAX_FAULTS = 50

_YAML = "tag:yaml.org,2002:"
# What looks like a space and is none for YAML: no-break, ideographic and typographic ones.
_ODD_SPACE = re.compile(r"^ *([\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff])")
_NO_SPACE = re.compile(r"^\s*(?:- )?[\"']?[A-Za-z_][A-Za-z0-9_-]*[\"']?(:)[^\s/]")
# What an input method writes for the signs of YAML, where it stands among signs and not in somebody's text.
_WIDE_COMMAS = "，、；"
WIDE_SIGNS = {**dict.fromkeys(_WIDE_COMMAS, ","), "｛": "{", "｝": "}", "［": "[", "］": "]", "“": '"', "”": '"'}
_WIDE_COLON = re.compile(r"^\s*(?:- )?[\"']?[A-Za-z0-9_.-]+[\"']?\s*(：)")
# The scanner's complaints that a person can do something about; whatever is not listed is told in its own words.
_SYNTAX = (
    ("mapping values are not allowed", "yaml_colon"),
    ("could not find expected ':'", "yaml_no_colon"),
    ("while scanning a simple key", "yaml_no_colon"),
    ("unexpected end of stream", "yaml_quote"),
    ("while scanning a quoted scalar", "yaml_quote"),
    ("undefined alias", "yaml_alias"),
    ("but found another document", "yaml_documents"),
    ("while parsing a flow", "yaml_bracket"),
    ("cannot start any token", "yaml_start"),
    ("expected <block end>", "yaml_indent"),
    ("did not find expected", "yaml_indent"),
)


@dataclass(slots=True)
class Tree:
    """Plain values, the place of every key and value by path, and what was wrong with the writing; of a file its mode and group.

    `numbers` are values that were read as numbers, as they stand there: 001 for 1.
    """

    values: dict[str, object] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    text: str = ""
    numbers: dict[Path, str] = field(default_factory=dict)
    mode: int = 0
    group: int = 0

    def place(self, path: Path, *, key: bool = False) -> Place | None:
        """Where this is written; None if it is not."""
        return (self.keys.get(path) if key else None) or self.places.get(path)


def read(raw: bytes, name: str) -> Tree:
    """Read one YAML document whose root is a mapping. Never raises: what is wrong is in `faults`."""
    tree = Tree()
    if len(raw) > MAX_BYTES:
        tree.faults.append(Fault(Place(name), "too_large", (("most", str(MAX_BYTES)),)))
        return tree
    tree.text = text = _decode(raw, name, tree.faults)
    if not text.strip():
        if not tree.faults:
            tree.faults.append(Fault(Place(name), "empty"))
        return tree
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as why:
        tree.faults.extend(_syntax(why, text, name))
        return tree
    except ReaderError as why:
        tree.faults.append(Fault(_at(text, why.position, name), "control_character", (("what", f"U+{_code(why.character):04X}"),)))
        return tree
    except (YAMLError, RecursionError, ValueError) as why:
        tree.faults.append(Fault(Place(name), "yaml_other", (("why", type(why).__name__),)))
        return tree
    if node is None:
        tree.faults.append(Fault(Place(name), "empty"))
        return tree
    if not isinstance(node, MappingNode):
        tree.faults.append(Fault(_start(node, name), "not_a_mapping"))
        return tree
    values = _Walk(tree, name).value(node, ())
    tree.values = values if isinstance(values, dict) else {}
    return tree


def scalar(text: str) -> object:
    """Read an environment variable's value: lists and mappings in YAML's flow style, everything else as the text it is."""
    if not text.startswith(("[", "{")):
        return text
    tree = read(f"value: {text}".encode(), "")
    return text if tree.faults else tree.values.get("value")


class _Walk:
    """Turns nodes into values, once each, noting places and doubled keys on the way."""

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree = tree
        self._name = name
        self._left = MAX_NODES
        self._open: set[int] = set()

    def value(self, node: Node, path: Path) -> object:
        self._tree.places[path] = _start(node, self._name)
        self._left -= 1
        if self._left < 0 or id(node) in self._open:
            if self._left == -1 or id(node) in self._open:
                self._fault(node, path, "yaml_endless")
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Node, path: Path) -> dict[str, object]:
        out: dict[str, object] = {}
        for key, item in node.value:
            if not isinstance(key, ScalarNode):
                self._fault(key, path, "yaml_key")
                continue
            name = str(key.value)
            here = (*path, name)
            if name in out:
                first = self._tree.keys[here]
                self._fault(key, here, "duplicate", key=name, line=str(first.line))
                continue
            self._tree.keys[here] = _start(key, self._name)
            out[name] = self.value(item, here)
        return out

    def _scalar(self, node: ScalarNode, path: Path) -> object:
        text = str(node.value)
        tag = str(node.tag)
        kind = tag.removeprefix(_YAML)
        if tag == "!" or kind in {"str", "timestamp", "null", "bool"}:  # a date stays text: whoever wants a date reads it
            return {"null": None, "bool": text.lower() == "true"}.get(kind, text)
        plain = text.replace("_", "")
        if kind in {"int", "float"}:
            try:
                number = _whole(plain) if kind == "int" else float(re.sub(r"\.(inf|nan)$", r"\1", plain, flags=re.IGNORECASE))
            except ValueError:  # `!!int a`, or more digits than Python reads: text, which whoever wants a number refuses
                return text
            self._tree.numbers[path] = text
            return number
        self._fault(node, path, "yaml_tag", tag=tag)
        return text

    def _fault(self, node: Node, path: Path, code: str, **values: str) -> None:
        if len(self._tree.faults) < MAX_FAULTS:
            self._tree.faults.append(Fault(_start(node, self._name), code, tuple(values.items()), path=path))


def _whole(text: str) -> int:
    return int(text, 0 if text.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"} else 10)


def _decode(raw: bytes, name: str, faults: list[Fault]) -> str:
    """Text from bytes: UTF-8 with or without its mark. Other encodings are a fault, but are read on where they can be."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.append(Fault(Place(name, 1, 1), "utf16"))
        return raw.decode("utf-16", "replace")
    if b"\0" in raw:
        faults.append(Fault(_at(raw.decode("latin-1"), raw.index(b"\0"), name), "binary"))
        return ""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        where = _at(raw[: why.start].decode("utf-8", "replace"), why.start, name)
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        faults.append(Fault(where, "not_utf8"))
        return ""
    faults.append(Fault(where, "gb18030"))
    return text


def _syntax(why: MarkedYAMLError, text: str, name: str) -> Iterator[Fault]:
    """Say what a person did, where it can be told: tabs, other spaces and wide signs come before the scanner's own opinion."""
    lines = text.split("\n")
    tabs = [number for number, line in enumerate(lines, 1) if "\t" in line[: len(line) - len(line.lstrip())]]
    odd = [(number, found) for number, line in enumerate(lines, 1) if (found := _ODD_SPACE.match(line))]
    wide = [(number, found) for number, line in enumerate(lines, 1) if (found := _WIDE_COLON.match(line))]
    for number in tabs[:MAX_FAULTS]:
        yield Fault(Place(name, number, lines[number - 1].index("\t") + 1), "tab")
    for number, found in odd[:MAX_FAULTS]:
        yield Fault(Place(name, number, found.start(1) + 1), "odd_space", (("what", f"U+{ord(found[1]):04X}"),))
    for number, found in wide[:MAX_FAULTS]:
        yield Fault(Place(name, number, found.start(1) + 1), "wide_colon")
    if tabs or odd or wide:
        return
    if (likely := _wide_sign(why, text, name) or _no_space(why, lines, name)) is not None:
        yield likely
        return
    said = f"{why.context or ''} {why.problem or ''}"
    mark = why.problem_mark or why.context_mark
    code = next((code for words, code in _SYNTAX if words in said), "yaml_other")
    if code in {"yaml_quote", "yaml_bracket"} and why.context_mark is not None:
        mark = why.context_mark  # where it was opened: the end of the file helps nobody
    place = Place(name, mark.line + 1, mark.column + 1) if mark is not None else Place(name)
    yield Fault(place, code, (("why", said.strip()),))


def _wide_sign(why: MarkedYAMLError, text: str, name: str) -> Fault | None:
    """A full-width sign in the brackets that the scanner could not read: the first bracket or quote, else the comma it stumbled behind."""
    if why.problem_mark is None:
        return None
    end = why.problem_mark.index
    begin = why.context_mark.index if why.context_mark is not None else text.rfind("\n", 0, end) + 1
    found = [at for at in range(begin, min(end + 1, len(text))) if text[at] in WIDE_SIGNS]
    if not found or not re.search(r"[\[{｛［]", text[begin:end]):
        return None
    at = next((at for at in found if text[at] not in _WIDE_COMMAS), found[-1])
    return Fault(_at(text, at, name), "wide_sign", (("read", text[at]), ("sign", WIDE_SIGNS[text[at]])))


def _no_space(why: MarkedYAMLError, lines: list[str], name: str) -> Fault | None:
    """The last colon without a space before the place where the scanner stumbled."""
    line = why.problem_mark.line if why.problem_mark is not None else len(lines) - 1
    for number in range(min(line, len(lines) - 1), -1, -1):
        if found := _NO_SPACE.match(lines[number]):
            return Fault(Place(name, number + 1, found.start(1) + 1), "colon_space")
    return None


def _start(node: Node, name: str) -> Place:
    return Place(name, node.start_mark.line + 1, node.start_mark.column + 1)


def _at(text: str, position: int, name: str) -> Place:
    before = text[:position]
    return Place(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _code(character: object) -> int:
    if isinstance(character, int):
        return character
    return ord(character[:1]) if isinstance(character, str) and character else 0
