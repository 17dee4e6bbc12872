"""What is said to a person: every code in both languages, and nothing secret in any of it."""

from __future__ import annotations

import ast
import io
import json
import re
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

import edge.roster
from edge.roster.faults import TRANSIENT, RosterFaults
from edge.roster.folder import Known, read_folder
from edge.roster.report import check
from edge.roster.settings import RosterSettings
from edge.roster.words import codes
from tests.roster.conftest import SHANGHAI, save_xlsx

PACKAGE = Path(edge.roster.__file__).parent
CANARIES = {
    "card": "0013477199",
    "card_hex": "00CDA4EF",
    "pin": "730418730418",
    "permit": "310114199001017777",
    "phone": "13899990000",
    "name": "欧阳金丝雀",
}
COLUMNS = [
    *("编号", "姓名", "类别", "房屋编码", "房号", "单位", "居住证类别", "居住证号", "居住证有效期", "出生日期", "起始日期", "截止日期"),
    *("分组", "卡号[dec]", "卡号2[hex]", "卡号3", "密码", "胁迫密码", "人脸同意", "同意书编号", "监护人同意书编号", "电话", "延长开门"),
]


def test_every_code_has_both_languages() -> None:
    """Each code that the package names has a sentence, in Chinese and in English, with the same blanks."""
    words = tomllib.loads((PACKAGE / "words.toml").read_text(encoding="utf-8"))
    for code, sentence in words.items():
        assert set(sentence) == {"zh", "en"}, code
        assert set(re.findall(r"{(\w+)}", sentence["zh"])) == set(re.findall(r"{(\w+)}", sentence["en"])), code
    assert codes() >= TRANSIENT
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in {"fault", "remark", "Fault", "Wrong", "Unreadable"}:
                    assert node.args[0].value in codes(), f"{path.name}: {node.args[0].value}"


def everything_said(folder: Path, settings: RosterSettings) -> str:
    """All that reading this folder says to anybody, in every form."""
    sheets = read_folder(folder, settings, SHANGHAI, Known(frozenset(), frozenset()))
    report = check(folder, settings, SHANGHAI, read=read_folder)
    out = io.StringIO()
    for locale in ("zh", "en"):
        Console(file=out, width=100).print(report.render(locale))
        out.write("\n".join(report.lines(locale)))
        out.write(json.dumps(report.as_json(locale), ensure_ascii=False))
    faults = RosterFaults(sheets.faults)
    return f"{out.getvalue()} {sheets!r} {report!r} {faults} {faults!r} {sheets.faults!r} {sheets.remarks!r}"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("what", CANARIES)
def test_nothing_secret_is_repeated(folder: Path, settings: RosterSettings, what: str, kind: str) -> None:
    """A card, PIN, permit, telephone number or name in any column, right or wrong, whole or damaged, is in no message."""
    canary = CANARIES[what]
    spoilt = [canary, f"{canary}x", f"{canary} {canary}", f"dec:{canary};fc:{canary}", f"2026-{canary}", canary + "\x07", f"{canary}/"]
    rows = [COLUMNS] + [[text] * len(COLUMNS) for text in spoilt] + [["1", "甲", *[canary] * 21], ["1", "甲", *[canary] * 22, canary]]
    if kind == "xlsx":
        for row in rows:
            row[:] = [cell.replace("\x07", "\u2028") for cell in row]
        save_xlsx(folder / "roster.xlsx", rows)
    else:
        (folder / "roster.csv").write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    said = everything_said(folder, settings)
    assert len(said) > 1000
    assert canary not in said
    assert canary.lstrip("0") not in said


@pytest.mark.parametrize("what", CANARIES)
def test_a_sheet_without_headings_repeats_nothing(folder: Path, settings: RosterSettings, what: str) -> None:
    """Where the first row is somebody's data, it is not quoted as an unknown heading."""
    (folder / "roster.csv").write_text(f"1,{CANARIES[what]},x\n", encoding="utf-8")
    assert CANARIES[what] not in everything_said(folder, settings)


@pytest.mark.parametrize("what", CANARIES)
def test_a_heading_is_repeated_only_if_it_is_one(folder: Path, settings: RosterSettings, what: str) -> None:
    """Data among the headings is not quoted either, nor is what stands in a bracket."""
    (folder / "roster.csv").write_text(
        f"编号,姓名,{CANARIES[what]},卡号[{CANARIES[what]}],单位({CANARIES[what]})\n1,甲,,,\n", encoding="utf-8"
    )
    assert CANARIES[what] not in everything_said(folder, settings)
