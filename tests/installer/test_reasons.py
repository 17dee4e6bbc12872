"""Every reason that a driver of a door, or its line, can give has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import drivers
from drivers.door.modbus.wire import REFUSALS
from edge.installer import words
from edge.installer.reasons import chinese

FOLDER = Path(drivers.__file__).parent
FILES = sorted([*(FOLDER / "door").rglob("*.py"), *(FOLDER / "line").rglob("*.py"), FOLDER / "latches.py"])
ERRORS = {"LineLost", "NoAnswer", "Refused", "Garbled", "Stale", "Lost", "ReaderLost"}


def said(file: Path) -> Iterator[str]:
    """What a driver's errors and losses say, with 7 for whatever changes."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
            for given in (*node.args, *(one.value for one in node.keywords)):
                yield from texts(given)


def texts(node: ast.expr) -> Iterator[str]:
    """The texts of an expression; those inside an f-string are parts of it."""
    match node:
        case ast.JoinedStr(values=values):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in values)
        case ast.Constant(value=str(text)):
            yield text
        case ast.BoolOp(values=values):
            for one in values:
                yield from texts(one)
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts(body)
            yield from texts(orelse)


REASONS = sorted({text for file in FILES for text in said(file)} | set(REFUSALS.values()))


@pytest.mark.parametrize("why", REASONS)
def test_a_reason_has_its_chinese(why: str) -> None:
    """No word of English is left but names of settings and codes."""
    left = re.sub(r"accept_latching: true|credential|NC", "", chinese(why))
    assert not re.search(r"[A-Za-z]{3,}", left), left
    assert words.sentence("zh", "unreachable", {"driver": "lcus", "why": why}) == f"没有应答（lcus）：{chinese(why)}"
    assert words.sentence("en", "unreachable", {"driver": "lcus", "why": why}).endswith(why)


def test_what_a_reason_quotes() -> None:
    """A reason inside a reason is Chinese too; several stand side by side; unknown words stay."""
    assert chinese("unit 3 refuses: it has failed (code 4)") == "地址 3 拒绝：设备故障（代码 4）"
    assert chinese("unit 1 does not answer; no answer") == "地址 1 没有应答；没有应答"
    assert chinese("cannot listen on port 60001: Permission denied") == "不能在端口 60001 接收：没有权限"
    assert chinese("something of tomorrow") == "something of tomorrow"
