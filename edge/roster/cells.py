"""One cell to one value: texts, numbers of persons, dates, moments, words. What Excel did to it is found out, never mended."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from edge.roster.faults import Shown
from edge.roster.masks import Cell, Formatted, FormattedText, shape, shown_date, shown_word

T = TypeVar("T")

EXACT = 10**15
"""Excel keeps 15 digits of a number; of a longer one the rest is gone for ever."""

_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
_QUOTED = re.compile(r'="?([^"]*)"?')
_SPACE = re.compile(r"\s+")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?")
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(\d{1,2})[:时](\d{1,2})分?(?::(\d{1,2}))?(?:\.0+)?")
_NO_END = frozenset({"长期", "长期有效", "长期居住", "永久", "永久有效", "无固定期限", "无期限", "无限期", "不限", "-", "--", "—"})
_NOTHING = frozenset(
    {"无", "没有", "暂无", "无卡", "没卡", "未办", "未办卡", "未办理", "未领", "未领卡", "未发", "未发卡"}
    | {"no", "none", "nil", "na", "n/a", "-", "--", "—", "——", "/", "//"}
)
_YES = frozenset({"y", "yes", "true", "1", "是", "有", "同意", "√", "✓", "✔"})
_NO = frozenset({
    "n", "no", "false", "0", "否", "无", "不", "不同意", "×", "✗", "✘",
    "撤回", "已撤回", "撤回同意", "撤销", "已撤销", "取消", "已取消", "拒绝", "不愿意", "withdrawn", "revoked", "refused",
})  # fmt: skip
_NO_PAPER = frozenset({
    "未签", "未签字", "未签署", "没签", "未同意", "待签", "待签字", "待补", "待补签", "口头", "口头同意", "pending", "verbal", "missing",
})  # fmt: skip


_NEVER = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls and halves of characters. Not "unassigned": that is what this Python's tables do not know yet, and may be somebody's name."""


class Wrong(Exception):
    """The cell cannot be used: note `code` at its place, with what may be shown of it."""

    def __init__(self, code: str, read: Shown | None = None, **values: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.read = read
        self.values = values


def text(cell: Cell, limit: int) -> str:
    """A cell as a person wrote it: outer spaces and marks nobody sees removed, line breaks to spaces, at most `limit` characters.

    A number becomes its digits while Excel holds them all and shows no others. `="0012"` and `'0012`, the usual ways to keep zeros in CSV,
    lose their wrap.
    """
    if isinstance(cell, FormattedText) or (isinstance(cell, Formatted) and not cell.as_held):
        raise Wrong("number_format", shape(cell))
    if not isinstance(cell, str):
        return _number(cell)
    if cell.isascii() and cell.isalnum():  # most cells
        out = cell
    else:
        out = "".join(char for char in cell if not _unseen(char)) if not cell.isprintable() else cell
        out = _SPACE.sub(" ", out).strip().removeprefix("'").strip()
        if out.startswith("=") and (found := _QUOTED.fullmatch(out)):
            out = found[1].strip()
        if not out.isprintable() and any(unicodedata.category(char) in _NEVER for char in out):
            raise Wrong("control", shape(cell))
    if len(out) > limit:
        raise Wrong("too_long", shape(cell), limit=limit)
    return out


def _unseen(char: str) -> bool:
    return unicodedata.category(char) == "Cf"  # zero-width spaces, a BOM in the middle, direction marks


def _number(cell: float | bool | date | time | timedelta) -> str:
    if isinstance(cell, bool):
        raise Wrong("not_text", shape(cell))
    if isinstance(cell, float):
        if not math.isfinite(cell) or abs(cell) >= EXACT:
            raise Wrong("digits_lost", shape(cell))
        if cell != int(cell) or cell < 0:
            raise Wrong("not_text", shape(cell))
        return str(int(cell))
    raise Wrong("became_date", shape(cell))


def code(cell: Cell, limit: int) -> str:
    """A number or code: full-width characters made narrow, all spaces removed. Digits that Excel has lost are a fault."""
    out = text(cell, limit)
    if out.isascii() and out.isalnum():
        return out
    out = _SPACE.sub("", unicodedata.normalize("NFKC", out))
    if _SCIENTIFIC.fullmatch(out):
        raise Wrong("digits_lost", shape(cell))
    return out


def is_nothing(cell: Cell) -> bool:
    """Whether a cell says that there is no card or PIN: empty, 无, 未办, a dash or a stroke."""
    flat = "".join(unicodedata.normalize("NFKC", cell).casefold().split()) if isinstance(cell, str) else None
    return flat == "" or flat in _NOTHING


def paper(cell: Cell, limit: int) -> str:
    """The number of a signed paper; empty where the cell says that there is none (无, 未签, 口头, 撤回), or has no letter and no digit."""
    out = text(cell, limit)
    flat = "".join(unicodedata.normalize("NFKC", out).casefold().split())
    return "" if is_nothing(out) or flat in _NO | _NO_PAPER or not any(map(str.isalnum, flat)) else out


def day(cell: Cell) -> date | None:
    """A calendar day; None for an empty cell. 2026-03-01, 2026/3/1, 2026.3.1, 2026年3月1日, 20260301 or a date of Excel's."""
    if isinstance(cell, datetime):
        return _plausible(cell.date(), cell)
    if isinstance(cell, date):
        return _plausible(cell, cell)
    moment = _day_and_time(cell)
    if moment is None:
        return None
    if moment[1] not in (None, time(0)):
        raise Wrong("date", shown_date(cell))
    return moment[0]


def last_day(cell: Cell) -> date | None:
    """As `day`; 长期 and a dash mean no end."""
    if isinstance(cell, str) and unicodedata.normalize("NFKC", cell).strip() in _NO_END:
        return None
    return day(cell)


def private(parse: Callable[[Cell], T]) -> Callable[[Cell], T]:
    """The same parser for a column about a person's life: its faults describe the cell and repeat nothing."""

    def parse_private(cell: Cell) -> T:
        try:
            return parse(cell)
        except Wrong as wrong:
            raise Wrong(wrong.code, shape(cell), **wrong.values) from None

    return parse_private


def moment(cell: Cell, zone: ZoneInfo, *, end: bool) -> datetime | None:
    """A day with a time of the site's zone; a day alone is its first moment, or as an `end` its last. None for an empty cell."""
    found: tuple[date, time | None] | None
    if isinstance(cell, datetime):
        bare = cell.time() == time(0)
        found = (_plausible(cell.date(), cell), None if bare else cell.time())
    elif isinstance(cell, date):
        found = (_plausible(cell, cell), None)
    else:
        found = _day_and_time(cell)
    if found is None:
        return None
    the_day, at = found
    if at is None:
        at = time(23, 59, 59, 999_999) if end else time(0)
    return datetime.combine(the_day, at, zone)


def _day_and_time(cell: Cell) -> tuple[date, time | None] | None:
    if isinstance(cell, float) and cell.is_integer() and _PACKED.fullmatch(f"{cell:.0f}"):
        cell = f"{cell:.0f}"  # 20260831: no count of days of Excel's has eight digits in these centuries
    if not isinstance(cell, str):
        raise Wrong("date", shape(cell))
    if not cell:
        return None
    flat = unicodedata.normalize("NFKC", cell).replace("T", " ").strip().removeprefix("'").strip()
    if not flat:
        return None
    found = _DATE.match(flat) or _PACKED.match(flat)
    if not found:
        raise Wrong("date", shown_date(cell))
    rest = flat[found.end() :].strip()
    clock = _TIME.fullmatch(rest) if rest else None
    if rest and not clock:
        raise Wrong("date", shown_date(cell))
    try:
        the_day = date(int(found[1]), int(found[2]), int(found[3]))
        at = time(int(clock[1]), int(clock[2]), int(clock[3] or 0)) if clock else None
    except ValueError:
        raise Wrong("date_impossible", shown_date(cell)) from None
    return _plausible(the_day, cell), at


def _plausible(the_day: date, cell: Cell) -> date:
    if not 1900 <= the_day.year <= 2199:  # an empty date of Excel's is 1899-12-31; beyond 2199 is a slip of the finger
        raise Wrong("date_impossible", shown_date(cell))
    return the_day


def yes_no(cell: Cell) -> bool:
    """Y or N, 是 or 否, a tick; an empty cell is no."""
    if isinstance(cell, bool):
        return cell
    word = str(int(cell)) if isinstance(cell, float) and cell in (0, 1) else cell
    if not isinstance(word, str):
        raise Wrong("yes_no", shape(cell))
    word = unicodedata.normalize("NFKC", word).strip().casefold()
    if not word or word in _NO:
        return False
    if word in _YES:
        return True
    raise Wrong("yes_no", shown_word(cell, _YES | _NO))


def whole(cell: Cell, most: int) -> int | None:
    """A count from 0 to `most`; None for an empty cell."""
    if isinstance(cell, float) and cell == cell // 1 and 0 <= cell <= most:
        return int(cell)
    if isinstance(cell, str):
        flat = unicodedata.normalize("NFKC", cell).strip()
        if not flat:
            return None
        if flat.isascii() and flat.isdigit() and len(flat) <= len(str(most)) and int(flat) <= most:
            return int(flat)
    raise Wrong("count", shape(cell), most=most)


def choice(cell: Cell, words: Mapping[str, T], code: str, otherwise: T) -> T:
    """One of the known words (folded: width and case do not matter); an empty cell is `otherwise`. `code` names the fault."""
    word = unicodedata.normalize("NFKC", cell).strip().casefold() if isinstance(cell, str) else None
    if word == "":
        return otherwise
    if word is None or word not in words:
        raise Wrong(code, shown_word(cell, words))
    return words[word]


def several(cell: Cell, limit: int) -> list[str]:
    """The parts of a cell, separated by `;` or `；`; empty parts are left out."""
    flat = unicodedata.normalize("NFKC", text(cell, limit))
    return [part for part in (piece.strip() for piece in flat.split(";")) if part]
