"""`roster check` and `roster diff` for a person at a terminal or a program: faults and remarks in a table, counts, what would change."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.roster import apart, columns
from edge.roster.diff import Diff, Question
from edge.roster.faults import Fault
from edge.roster.folder import Known
from edge.roster.load import Reader
from edge.roster.masks import shown_id
from edge.roster.settings import Locale, RosterSettings
from edge.roster.words import say

LISTED = 20
"""Tenants listed of each kind; more do not fit on a screen and are counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a folder holds. `ok` means it can be applied. `diff`: what it changes, where somebody is asked about that."""

    tenants: int
    houses: int
    visits: int
    files: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    remarks: tuple[Fault, ...] = ()
    more_faults: int = 0
    more_remarks: int = 0
    diff: Diff | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing forbids applying it."""
        return not self.faults

    def lines(self, locale: Locale = "zh") -> list[str]:
        """One line a fault, then one a remark, then the sum."""
        texts = [fault.text(locale) for fault in (*self.faults, *self.remarks)]
        return [*texts, self.summary(locale)]

    def summary(self, locale: Locale = "zh") -> str:
        """The sum in one sentence."""
        faults, remarks = len(self.faults) + self.more_faults, len(self.remarks) + self.more_remarks
        code, digits = "sum_good" if self.ok else "sum_bad", ""
        if self.ok and self.diff is not None and self.diff.needs_yes:
            code, digits = "sum_asks", self.diff.code
        counts = {"tenants": self.tenants, "houses": self.houses, "visits": self.visits, "faults": faults, "remarks": remarks}
        return say(locale, code, **counts, digits=digits)

    def render(self, locale: Locale = "zh") -> RenderableType:
        """For rich, which knows how wide Chinese is."""
        parts: list[RenderableType] = []
        for title, faults, more in (("faults", self.faults, self.more_faults), ("remarks", self.remarks, self.more_remarks)):
            if faults:
                table = Table("where", "what", title=say(locale, title), title_justify="left", expand=False)
                table.columns[0].header, table.columns[1].header = say(locale, "where"), say(locale, "what")
                table.columns[0].overflow = table.columns[1].overflow = "fold"
                for fault in faults:
                    table.add_row(Text(fault.place.text(locale)), Text(fault.message(locale)))
                parts.append(table)
                if more:
                    parts.append(Text(say(locale, "and_more", count=more)))
        if self.diff is not None:
            parts.append(render_diff(self.diff, locale))
        parts.append(Text(self.summary(locale)))
        return Group(*parts)

    def as_json(self, locale: Locale = "zh") -> dict[str, object]:
        """For `--json`."""
        out: dict[str, object] = {
            "ok": self.ok,
            "tenants": self.tenants,
            "houses": self.houses,
            "visits": self.visits,
            "files": list(self.files),
            "faults": [fault_json(fault, locale) for fault in self.faults],
            "remarks": [fault_json(fault, locale) for fault in self.remarks],
            "more_faults": self.more_faults,
            "more_remarks": self.more_remarks,
        }
        if self.diff is not None:
            out["diff"] = diff_json(self.diff)
        return out


def check(
    folder: Path, settings: RosterSettings, zone: ZoneInfo, known: Known | None = None, diff: Diff | None = None, read: Reader = apart.read
) -> Report:
    """Read a folder and say everything about it. Needs no daemon, writes nothing, never raises for what stands in the folder.

    `diff`: what the running gateway asks about it.
    """
    sheets = read(folder, settings, zone, known or Known())
    return Report(
        tenants=sheets.people,
        houses=len(sheets.houses),
        visits=len(sheets.visits),
        files=sheets.files,
        faults=sheets.faults,
        remarks=sheets.noted(),
        more_faults=sheets.more_faults,
        more_remarks=sheets.more_remarks,
        diff=diff,
    )


def fault_json(fault: Fault, locale: Locale) -> dict[str, object]:
    """A fault for a program: its code and place beside the words."""
    place = fault.place
    where = {"file": place.file, "row": place.row, "column": place.column, "cell": place.cell, "heading": place.heading}
    return {"code": fault.code, **{key: value for key, value in where.items() if value}, "message": fault.message(locale)}


def render_diff(diff: Diff, locale: Locale = "zh") -> RenderableType:
    """The changes as a table: counts, and the first numbers of each kind."""
    table = Table("", "", "", show_header=False, expand=False)
    table.columns[1].justify = "right"
    changed = [f"{shown_id(change.tenant_id)} ({', '.join(change.columns)})" for change in diff.changed]
    for code, listed in (
        ("added", [*map(shown_id, diff.added)]),
        ("changed", changed),
        ("removed", [*map(shown_id, diff.removed)]),
        ("stripped", [*map(shown_id, diff.stripped)]),
    ):
        more = [say(locale, "and_more", count=len(listed) - LISTED)] if len(listed) > LISTED else []
        table.add_row(say(locale, code), str(len(listed)), Text(", ".join(listed[:LISTED] + more)))
    for code, count in (("houses_changed", diff.houses_changed), ("visits_changed", diff.visits_changed)):
        table.add_row(say(locale, code), str(count), "")
    return Group(table, *map(Text, questions(diff, locale)))


def questions(diff: Diff, locale: Locale = "zh") -> list[str]:
    """What a change asks, a line each: the column and how many people it concerns; the last says how to answer. Empty: nothing is asked."""
    if not diff.needs_yes:
        return []
    lines = [say(locale, f"ask_{one.kind}", column=_called(one, locale), people=one.people, of=one.of) for one in diff.questions]
    return [*lines, say(locale, "needs_code", digits=diff.code) if diff.code else say(locale, "needs_yes")]


def _called(asked: Question, locale: Locale) -> str:
    """A column as the sheet calls it, with ours behind it where that is another."""
    title = columns.title(asked.column, locale)
    if not asked.heading or asked.heading == title:
        return title
    return asked.heading if asked.kind == "left" else say(locale, "called", heading=asked.heading, title=title)


def diff_json(diff: Diff) -> dict[str, object]:
    """The changes for a program; numbers of tenants as lists show them."""
    return {
        "before": diff.before,
        "after": diff.after,
        "added": [*map(shown_id, diff.added)],
        "changed": {shown_id(change.tenant_id): list(change.columns) for change in diff.changed},
        "removed": [*map(shown_id, diff.removed)],
        "stripped": [*map(shown_id, diff.stripped)],
        "houses_changed": diff.houses_changed,
        "visits_changed": diff.visits_changed,
        "needs_yes": diff.needs_yes,
        "questions": [asdict(question) for question in diff.questions],
        "code": diff.code,
    }
