"""roster.report.txt and .html beside the sheets, for a manager who has nothing but Excel: what came of them, what it asks, what to mend.

Chinese first, then the same in English. Nothing of a cell is repeated that a message may not repeat.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from edge import durable
from edge.roster.folder import REPORT
from edge.roster.outcomes import Applied, Refused
from edge.roster.report import questions
from edge.roster.settings import Locale
from edge.roster.words import say

MODE = 0o640
"""The folder's group, the managers, may read it; they may delete it, too, for the folder is theirs."""


def write_report(folder: Path, outcome: Applied | Refused, at: str) -> None:
    """Replace both files; `at` is the time as people at the site read it.

    Raises:
        OSError: the folder is gone, or takes no file of ours.
    """
    if folder.is_dir():  # not made here: a folder that a network share has taken away comes back by itself
        parts = {locale: _lines(outcome, at, locale) for locale in ("zh", "en")}
        text = "\r\n\r\n".join("\r\n".join(lines) for lines in parts.values())
        durable.write(folder / f"{REPORT}.txt", [b"\xef\xbb\xbf", text.encode(), b"\r\n"], MODE)  # the BOM and CR are for Notepad
        body = "".join(f"<h2>{escape(first)}</h2>" + "".join(f"<p>{escape(line)}</p>" for line in rest) for first, *rest in parts.values())
        page = f'<!DOCTYPE html><html lang="zh"><meta charset="utf-8"><title>{REPORT}</title><body>{body}</body></html>\n'
        durable.write(folder / f"{REPORT}.html", [page.encode()], MODE)


def _lines(outcome: Applied | Refused, at: str, locale: Locale) -> list[str]:
    lines = [say(locale, "report_title", at=at)]
    if isinstance(outcome, Applied):
        counts = {"added": outcome.added, "changed": outcome.changed, "removed": outcome.removed}
        code = "report_back" if outcome.rolled_back else "report_applied"
        lines.append(say(locale, code, tenants=len(outcome.book.tenants), **counts))
        faults, more = outcome.remarks, 0
    else:
        asks = questions(outcome.diff, locale) if outcome.diff else []
        lines += asks or [say(locale, "report_refused", faults=outcome.count)]
        if outcome.meanwhile is not None:
            lines.append(say(locale, "report_meanwhile", added=outcome.meanwhile.added))
        faults, more = (*outcome.faults, *outcome.remarks), outcome.more
    lines += [fault.text(locale) for fault in faults]
    return [*lines, say(locale, "and_more", count=more)] if more else lines
