"""Rows below the headings that are nobody: totals, notes, headings again, titles of floors, the template's examples, a code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from edge.roster.masks import Cell

EXAMPLES = {"示例1": "示例一", "示例2": "示例二", "EXAMPLE-1": "Example One", "EXAMPLE-2": "Example Two"}
"""Number and name of the people in `roster template`."""

_TOTAL = re.compile(
    r".{0,8}(?:合计|总计|小计|共计|累计|总人数|人数统计).{0,12}|共\d+[人名户条行间].{0,6}|(?:sub|grand)?totals?(?:[:=(].*|people|persons|residents|tenants|count)?|sum",
)
_COUNT = re.compile(r"共?\d+[人名户条行间位]?")
_DAY = re.compile(r"(?:19|20)\d\d[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?|月)")
_BY = (
    "制表|填表|审核|审批|复核|核对|核准|经办|负责|主管|签字|签名|盖章|编制|制单|统计|打印|导出|填报|报送|联系|电话|地址|物业|"
    "单位|公司|日期|时间|备注|注|附注|说明|注意"
)
_NOTE = re.compile(
    rf"(?:{_BY})[^:]{{0,6}}:.*|(?:{_BY})(?:人|日期|时间|员)?|第\d+页.*|[-—=(]*以[上下].*|[*※].*"
    r"|(?:notes?|remarks?|prepared|printed|checked|approved|signed|date|page)(?:by|on|of)?:.*|page\d+(?:of\d+)?|notes?|remarks?",
)
_WORD = re.compile(rf"(?:{_BY})(?:人|日期|时间|员)?|以上.*|notes?|remarks?")
_GROUP = re.compile(
    r"[-—=*()]*第?(?:[a-z]|[一二三四五六七八九十百]|\d|东|西|南|北)+[号#]?(?:楼|层|栋|幢|座|区|单元|宿舍楼?|车间|班组|部门)(?:[(:].*)?[-—=*()]*"
)
_CODE = re.compile(r"(?:确认码?|confirm)[:=\-]?(\d{1,4})?")


def flat(cell: Cell) -> str:
    """A cell as these patterns know it; empty for what is no text."""
    return "".join(unicodedata.normalize("NFKC", cell).casefold().split()) if isinstance(cell, str) else ""


def is_footer(cell: Cell) -> bool:
    """Whether a cell where somebody's number belongs holds a total or a note instead."""
    if not isinstance(cell, str) or (cell.isascii() and cell.isalnum() and cell[-1].isdigit() and cell[0] not in "PpCc"):
        return False  # most numbers: of letters and digits alone only page7 and confirm1234 are none
    text = flat(cell)
    return bool(_TOTAL.fullmatch(text) or _NOTE.fullmatch(text) or _CODE.fullmatch(text))


def is_total(cell: Cell) -> bool:
    """Whether a cell says that the row is a sum."""
    return _TOTAL.fullmatch(flat(cell)) is not None


def is_count(cell: Cell) -> bool:
    """Whether a cell holds how many there are (31, 31人): nobody's name, and below a total nobody's number."""
    return not isinstance(cell, str) or _COUNT.fullmatch(flat(cell)) is not None


def is_date(cell: Cell) -> bool:
    """Whether a cell is a day: alone in a row it is when the list was made."""
    return isinstance(cell, date) or _DAY.fullmatch(flat(cell)) is not None


def is_group(cell: Cell) -> bool:
    """Whether a cell names a floor, a building or a department: alone in a row it is the title of those below it."""
    return _GROUP.fullmatch(flat(cell)) is not None


def is_word(cell: Cell) -> bool:
    """Whether such a cell holds a bare word (物业, 统计员), which may be the number of somebody on the staff as well."""
    return _WORD.fullmatch(flat(cell)) is not None


def codes(cells: Sequence[Cell]) -> list[str]:
    """The codes of questions that a row confirms: 确认 1234, in one cell or in two."""
    found = []
    for index, cell in enumerate(cells):
        if isinstance(cell, str) and (entered := _CODE.fullmatch(flat(cell))):
            digits = entered[1] or next((code for other in cells[index + 1 :] if (code := as_code(other))), "")
            if digits:
                found.append(digits.zfill(4))
    return found


def as_code(cell: Cell) -> str:
    """A cell of one to four digits as a code of four: Excel drops zeros in front. Empty for anything else."""
    if isinstance(cell, float):
        return f"{int(cell):04d}" if cell == cell // 1 and 0 <= cell <= 9999 else ""
    text = flat(cell)
    return text.zfill(4) if text.isascii() and text.isdigit() and len(text) <= 4 else ""
