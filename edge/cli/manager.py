"""The verbs roster check · diff · apply · rollback · template · export."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.access.reasons import ViewReason
from edge.cli import talk
from edge.cli.root import give_up_root
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.control import client
from edge.errors import CommandRefused, NoDaemon
from edge.roster.diff import Change, Diff, Question
from edge.roster.folder import Known
from edge.settings import Settings

ROSTER_S = 120.0  # reading a large workbook on a slow machine: see RosterSettings.read_timeout_s

roster = typer.Typer(help="The roster: who lives here. 花名册", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.add_typer(roster, name="roster")


@roster.command()
def check(config: Config = CONFIG, json: Json = False) -> None:
    """Read the roster folder and tell every fault in it, and what the running gateway asks about it; nothing is applied (检查花名册).

    Example: anyu-edge roster check
    """
    from edge.roster import report

    settings = talk.site(config)
    give_up_root(settings.state_dir)
    known = Known(settings.ruled, frozenset(settings.access_points))
    found = report.check(settings.roster.folder, settings.roster, settings.site.tz, known, _asked(settings))
    if json:
        talk.data(found.as_json(settings.locale))
    else:
        talk.show(found.render(settings.locale))
    if not found.ok:
        raise typer.Exit(talk.BAD_NEWS)


@roster.command()
def diff(config: Config = CONFIG, json: Json = False) -> None:
    """Show what the folder would change in the roster in force (比较).

    Example: anyu-edge roster diff
    """
    settings = talk.site(config)
    answer: Any = talk.need(settings, "roster_diff", "can_roster", timeout_s=ROSTER_S)
    _show(settings, answer, json=json)


@roster.command()
def apply(
    yes: Annotated[bool, typer.Option("--yes", help="Even if more than a fifth may pass less or more 确认大量变化")] = False,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Put the roster folder in force now, whole or not at all (启用花名册).

    Example: anyu-edge roster apply --yes
    """
    settings = talk.site(config)
    _show(settings, talk.need(settings, "roster_apply", "can_roster", timeout_s=ROSTER_S, yes=yes), json=json)


@roster.command()
def rollback(
    yes: Annotated[bool, typer.Option("--yes", help="Even if it asks 确认大量变化")] = False, config: Config = CONFIG, json: Json = False
) -> None:
    """Put the roster before this one in force again, until the folder changes or is applied (恢复上一份).

    Example: anyu-edge roster rollback
    """
    settings = talk.site(config)
    _show(settings, talk.need(settings, "roster_rollback", "can_roster", timeout_s=ROSTER_S, yes=yes), json=json)


@roster.command()
def template(
    path: Annotated[Path, typer.Argument(help="roster.xlsx or roster.csv; houses and visitors, too 文件名")], config: Config = CONFIG
) -> None:
    """Write a starter sheet that Excel opens right (生成空白表格).

    Example: anyu-edge roster template roster.xlsx
    """
    from edge.roster.template import template as write

    locale = talk.read(config).locale
    _sheet(path, locale)
    give_up_root(path.parent)
    try:
        write(path, locale)
    except FileExistsError:
        talk.complain(say(locale, "exists", path=str(path)))
        raise typer.Exit(talk.WRONG_USE) from None
    except OSError as why:
        talk.complain(say(locale, "cannot_write", path=str(path), detail=talk.reason(locale, why)))
        raise typer.Exit(talk.BAD_NEWS) from None
    talk.line(say(locale, "written", path=str(path)))


@roster.command()
def export(
    path: Annotated[Path, typer.Argument(help="A .xlsx or .csv file 文件名")],
    reason: Annotated[str, typer.Option("--reason", help=f"Why: {', '.join(ViewReason)}; it is written down 原因代码，会记录")] = "",
    config: Config = CONFIG,
) -> None:
    """Write the roster in force as a sheet, readable by you alone; PINs are not in it (导出).

    Example: anyu-edge roster export in-force.xlsx --reason roster_work
    """
    settings = talk.site(config)
    _sheet(path, settings.locale)
    if path.exists():  # before anything leaves the gateway
        talk.complain(say(settings.locale, "exists", path=str(path)))
        raise typer.Exit(talk.WRONG_USE)
    answer: Any = talk.need(settings, "roster_export", "can_roster", timeout_s=ROSTER_S, suffix=path.suffix.lower(), reason=reason)
    give_up_root(path.parent)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64decode(answer["base64"]))
    except FileExistsError:
        talk.complain(say(settings.locale, "exists", path=str(path)))
        raise typer.Exit(talk.WRONG_USE) from None
    except OSError as why:
        talk.complain(say(settings.locale, "cannot_write", path=str(path), detail=talk.reason(settings.locale, why)))
        raise typer.Exit(talk.BAD_NEWS) from None
    talk.line(say(settings.locale, "written", path=str(path)))


def _sheet(path: Path, locale: str) -> None:
    if path.suffix.lower() not in {".csv", ".xlsx"}:
        talk.complain(say(locale, "bad_argument", detail=f"{path}: .csv, .xlsx"))
        raise typer.Exit(talk.WRONG_USE)


def _asked(settings: Settings) -> Diff | None:
    """What the running gateway asks about the folder before it puts it in force; None: nothing, or it cannot be asked by this account."""
    try:
        answer: Any = client.ask(talk.socket_of(settings), "roster_diff", timeout_s=ROSTER_S)
    except (NoDaemon, CommandRefused):
        return None
    return _diff(answer) if answer.get("needs_yes") else None


def _show(settings: Settings, answer: Any, *, json: bool) -> None:  # noqa: ANN401 - what the daemon answered
    """Say what came of it; a refusal is bad news."""
    from edge.roster import report

    locale = settings.locale
    changes = _diff(answer if answer["outcome"] == "diff" else answer.get("diff"))
    if json:
        shown = {key: value for key, value in answer.items() if key in {"outcome", "why", "count", "faults", "version", "kept", "remarks"}}
        talk.data({**shown, **({"diff": report.diff_json(changes)} if changes else {})})
    else:
        for text in (*answer.get("faults", ()), *answer.get("remarks", ())):
            talk.line(text)
        if changes is not None and (changes.empty or answer["outcome"] != "diff"):
            talk.line(say(locale, "no_change")) if changes.empty else talk.show(report.render_diff(changes, locale))
        elif changes is not None:
            talk.show(report.render_diff(changes, locale))
        match answer["outcome"]:
            case "applied":
                talk.line(say(locale, "applied", version=answer["version"]))
                if not answer["kept"]:
                    talk.line(say(locale, "not_kept"))
            case "unchanged":
                talk.line(say(locale, "roster_unchanged", version=answer["version"]))
            case "refused":
                talk.line(say(locale, f"refused_{answer['why']}", count=str(answer["count"])))
    if answer["outcome"] == "refused":
        raise typer.Exit(talk.BAD_NEWS)


def _diff(answer: Any) -> Diff | None:  # noqa: ANN401 - what the daemon answered
    if answer is None:
        return None
    return Diff(
        before=answer["before"],
        after=answer["after"],
        added=tuple(answer["added"]),
        changed=tuple(Change(each["tenant_id"], tuple(each["columns"])) for each in answer["changed"]),
        removed=tuple(answer["removed"]),
        stripped=tuple(answer["stripped"]),
        houses_changed=answer["houses_changed"],
        visits_changed=answer["visits_changed"],
        questions=tuple(Question(**question) for question in answer["questions"]),
        code=answer["code"],
    )
