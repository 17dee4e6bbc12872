"""Columns that are not read and say who has left: a state (在住, 退租), the day of leaving, how many days are left."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from edge.roster import cells
from edge.roster.cells import Wrong
from edge.roster.columns import fold
from edge.roster.drafts import Leaving, TenantDraft
from edge.roster.masks import Cell
from edge.roster.sheet import LONG_RUN, Sheet
from edge.roster.table import cell_name

_GONE = re.compile(
    r"(?:已经?|提前|正在|早已)?(?:退租|退房|退宿|退住|退|搬离|搬走|搬出|迁出|离开|离职|离店|离|到期|过期|期满|终止|解约|解除|停用|失效|注销|冻结|禁用|作废|无效"
    r"|挂失|遗失|丢失|销户)了?|(?:不|未|非)在[住租职]|黑名单"
    r"|inactive|expired|ended|left|movedout|checkedout|terminated|former|disabled|cancell?ed|vacated|resigned|blocked|lost|stolen"
)
"""What a cell says of somebody who has left, or of a card that must not open."""
_LEFT = re.compile(
    "退(?!款|费|押|还|伍|休|役)|离(?!婚|异|退|休)|搬|迁出|终止|注销|停用|挂失|黑名单|禁止|blacklist|blocked|checkout|moveout|movedout|leav|left|terminat|vacat|resign"
)
_LIVES = re.compile("在住|在租|在职|启用|有效|active|enabled|valid")
_DAYS_LEFT = re.compile("剩余|天数|daysleft|remaining|daysremain")
_STATE = re.compile("状态|状况|情况|status|state")
_OTHERS = re.compile("费|款|缴|交|押金|婚|证|合同|车|人脸|照片")
"""A heading of something else: 缴费状态 to a paper that has expired."""
_BRACKET = re.compile(r"[\[(（【]([^\])）】]*)[\])）】]")
_YES = frozenset({"是", "y", "yes", "true", "1", "√", "✓", "✔", "已"})
_NO = frozenset({"否", "n", "no", "false", "0", "×", "✗", "✘", "不"})


def leaving(sheet: Sheet, tenants: Sequence[TenantDraft]) -> tuple[Leaving, ...]:
    """What the unread columns say of whom; `tenants` are the rows of the sheet in their order."""
    ends = "valid_until" in sheet.headings
    found: list[Leaving] = []
    for index, text in sheet.unread:
        heading = fold(text)
        if _OTHERS.search(heading):
            continue
        said = [_says(heading, row.cells[index] if index < len(row.cells) else "", ends=ends) for row in sheet]
        if _LIVES.search(heading) and said.count(False) * 2 > len(said):
            said = [one is not False for one in said]  # most are ticked, so that no tick says something
        people = [(draft.tenant.tenant_id, one) for draft, one in zip(tenants, said, strict=True) if one is not None and one is not False]
        if people:
            shown = any(kind.search(heading) for kind in (_LEFT, _LIVES, _DAYS_LEFT, _STATE)) and not LONG_RUN.search(text)
            found.append(Leaving(text[:20] if shown else cell_name(1, index)[:-1], tuple(people)))
    people = [(draft.tenant.tenant_id, True) for draft in tenants if any(map(_GONE.fullmatch, _BRACKET.findall(draft.tenant.name)))]
    if people:
        found.append(Leaving(sheet.heading("name"), tuple(people)))
    return tuple(found)


def _says(heading: str, cell: Cell, *, ends: bool) -> date | bool | None:
    """A day of leaving, True for somebody who has left, False who lives here, None for nothing. Days left are an end where no other is."""
    word = unicodedata.normalize("NFKC", cell).strip().casefold().replace(" ", "") if isinstance(cell, str) else ""
    if _DAYS_LEFT.search(heading):
        days = _number(cell)
        return True if (days is not None and (days < 0 or not ends)) or _GONE.fullmatch(word) else None
    if _GONE.fullmatch(word) or (_LIVES.search(heading) and word in _NO):
        return True
    if _LIVES.search(heading) and (word in _YES or cell is True):
        return False
    if not _LEFT.search(heading):
        return None
    if word in _YES or cell is True:
        return True
    try:
        return cells.day(cell)
    except Wrong:
        return None


def _number(cell: Cell) -> float | None:
    text = str(cell) if isinstance(cell, (float, str)) and not isinstance(cell, bool) else ""
    found = re.fullmatch(r"(-?\d{1,6}(?:\.\d+)?)天?", unicodedata.normalize("NFKC", text).strip())
    return float(found[1]) if found else None
