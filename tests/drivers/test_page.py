"""The devices' pages: every driver has one, with the same headings, and the table of grades is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

import drivers
from drivers.page import FOLDER, page, stale


def test_fresh() -> None:
    """Nothing is stale and no driver is without its page."""
    assert stale() == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """An empty folder lacks the table and every page."""
    assert len(stale(tmp_path)) == len(drivers.KINDS) + 1


def test_every_row_is_printed_once() -> None:
    """Kind, grade, reason and senses, the best grades first."""
    rows = [line for line in page().splitlines() if line.startswith("| [`")]
    assert len(rows) == len(drivers.KINDS)
    for kind, row in drivers.KINDS.items():
        assert any(
            line.startswith(f"| [`{kind}`]({kind}.md) | {row.grade.value} ") and row.why in line and row.senses in line for line in rows
        )
    grades = [line.split("|")[2].split()[0] for line in rows]
    assert grades == sorted(grades, key=["gold", "silver", "bronze"].index)


@pytest.mark.parametrize("kind", drivers.KINDS)
def test_a_page_says_what_an_installer_asks(kind: str) -> None:
    """Settings, power or line loss, tested peers; and it names the kind as site.yaml does."""
    text = (FOLDER / f"{kind}.md").read_text(encoding="utf-8")
    for heading in ("Settings 配置", "断电与断线", "Tested peers 已测试"):
        assert f"{heading}\n" in text, heading
    assert f"driver: {kind}" in text
