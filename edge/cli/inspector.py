"""The verbs audit verify."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from typing import Any

import typer

from edge.cli import offline, talk
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.control.client import LONG_ANSWER_S
from edge.errors import NoDaemon
from edge.settings import Settings

audit = typer.Typer(help="Prove what is recorded. 审计", no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.add_typer(audit, name="audit")


@audit.callback()
def _audit() -> None:
    pass


@audit.command()
def verify(config: Config = CONFIG, json: Json = False) -> None:
    """Walk the hash chain of everything recorded, and tell where it first does not hold (校验链条).

    Example: anyu-edge audit verify
    """
    settings = talk.site(config)
    try:
        report: Any = talk.ask(settings, "verify", timeout_s=LONG_ANSWER_S)
    except NoDaemon:
        talk.complain(say(settings.locale, "from_disk"))
        report = _from_disk(settings)
    if json:
        talk.data(report)
    elif report["ok"]:
        talk.line(say(settings.locale, "chain_good", checked=str(report["checked"]), chain=report["chain"]))
    else:
        at = report["first_break"]
        told = {"epoch": at["epoch"], "seq": str(at["seq"]), "what": at["what"], "checked": str(report["checked"])}
        talk.line(say(settings.locale, "chain_bad", **told))
    if not report["ok"]:
        raise typer.Exit(talk.BAD_NEWS)


def _from_disk(settings: Settings) -> dict[str, Any]:
    from edge.journal import ChainWalk

    path = offline.journal_file(settings)
    try:
        report = ChainWalk(path).run()
    except (OSError, sqlite3.Error) as why:
        talk.complain(say(settings.locale, "no_journal", detail=f"{path} ({talk.reason(settings.locale, why)})"))
        raise typer.Exit(talk.BAD_NEWS) from None
    return {**asdict(report), "chain": report.chain.hex(), "ok": report.ok}
