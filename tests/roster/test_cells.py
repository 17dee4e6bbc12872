"""One cell to one value, and what of it may be shown when it cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge.roster import cells
from edge.roster.cells import Wrong
from edge.roster.masks import Cell, shape, shown_date, shown_id, shown_word

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01",
        "2026/3/1",
        "2026.3.1",
        "2026年3月1日",
        "2026年3月1号",
        "20260301",
        20260301.0,
        "２０２６-０３-０１",
        " 2026-3-1 ",
        "2026/3/1 0:00:00",
    ],
)
def test_reads_dates(written: Cell) -> None:
    """Every usual way to write a day, Chinese and full-width ones included."""
    assert cells.day(written) == date(2026, 3, 1)


@pytest.mark.parametrize(
    "written", ["3/1/2026", "01-03-26", "2026-03", "明天", "46082", 46082.0, 20260301.5, "2026-03-01 8:00", "2026-03-01x"]
)
def test_refuses_dates_that_could_be_others(written: Cell) -> None:
    """Day and month are never guessed."""
    with pytest.raises(Wrong, match="date"):
        cells.day(written)


@pytest.mark.parametrize("written", ["2026-02-29", "2026-13-01", "1899-12-31", "9999-01-01"])
def test_refuses_days_there_are_not(written: str) -> None:
    """A day of no calendar, and a year that is a slip."""
    with pytest.raises(Wrong, match="date_impossible"):
        cells.day(written)


def test_no_end() -> None:
    """长期 means no end, in a column that may have none; an empty cell does everywhere."""
    for word in ("长期", "长期有效", "无固定期限"):
        assert cells.last_day(word) is None
    assert cells.day("") is None
    with pytest.raises(Wrong):
        cells.day("长期")


def test_moments_are_the_sites() -> None:
    """A day alone begins at its first moment and ends with its last; times are of the site's zone."""
    begins = cells.moment("2026-03-08", SHANGHAI, end=False)
    ends = cells.moment("2026年3月8日", SHANGHAI, end=True)
    assert begins == datetime(2026, 3, 7, 16, tzinfo=UTC)
    assert ends == datetime(2026, 3, 8, 16, tzinfo=UTC) - timedelta(microseconds=1)
    assert cells.moment("2026-03-08 09:30", SHANGHAI, end=False) == datetime(2026, 3, 8, 1, 30, tzinfo=UTC)
    assert cells.moment("2026-03-08T18时05分", SHANGHAI, end=True) == datetime(2026, 3, 8, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize(("cell", "wanted"), [("Ａ１０ １", "A101"), ("a\u200b1\ufeff", "a1"), (" 3\u30001 ", "31"), (301.0, "301")])
def test_codes_lose_width_and_space(cell: Cell, wanted: str) -> None:
    """Full-width characters, spaces and marks nobody sees do not make another number."""
    assert cells.code(cell, 64) == wanted


@pytest.mark.parametrize(("cell", "code"), [(1e17, "digits_lost"), (float("nan"), "digits_lost"), (1.5, "not_text"), (True, "not_text")])
def test_numbers_that_are_none(cell: Cell, code: str) -> None:
    """What Excel cannot have kept whole is no number of anything."""
    with pytest.raises(Wrong, match=code):
        cells.code(cell, 64)


@pytest.mark.parametrize(
    ("cell", "wanted"), [("Y", True), ("是", True), ("√", True), (1.0, True), ("", False), ("否", False), (False, False)]
)
def test_yes_and_no(cell: Cell, wanted: bool) -> None:
    """An empty cell is no."""
    assert cells.yes_no(cell) is wanted


def test_parts_of_a_cell() -> None:
    """Both semicolons part; empty parts are none."""
    assert cells.several("a；b; ;c", 100) == ["a", "b", "c"]


def test_only_misspellings_are_repeated() -> None:
    """A word near a known one and the stuff of dates may be shown; a name or a number in their place may not."""
    assert shown_word("租客人", ["租客", "住户"]).value == "租客人"
    assert shown_word("张三", ["租客", "住户"]).kind == "characters"
    assert shown_word("730418", ["租客"]).kind == "digits"
    assert shown_date("2026-13-01").value == "2026-13-01"
    assert shown_date("310114199001011234").kind == "digits"
    assert shape("0013477100").value == 10
    assert shown_id("A101") == "A101"
    assert shown_id("310114199001011234") == "31…34"


@pytest.mark.parametrize("name", ["\U00031350明", "\U000323b0明", "\U0003fffa", "\ue000"])
def test_a_name_that_this_python_does_not_know_yet(name: str) -> None:
    """Characters that were assigned since, or stand in a private area of GB 18030, are somebody's name."""
    assert cells.text(name, 10) == name


@pytest.mark.parametrize("name", ["a\x00", "a\x1b", "\ud800"])
def test_controls_are_in_no_name(name: str) -> None:
    """Nor are halves of characters."""
    with pytest.raises(Wrong, match="control"):
        cells.text(name, 10)
