"""The verbs unlock · lock-down · release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edge.access.reasons import GuardReason
from edge.cli import talk
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.control.client import ANSWER_S

Door = Annotated[str, typer.Argument(help="A door of site.yaml; all doors if left out 门，不写为全部")]


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.command()(unlock)
    app.command("lock-down")(lock_down)
    app.command()(release)


def unlock(
    access_point: Annotated[str, typer.Argument(help="An access point of site.yaml 通行点")],
    reason: Annotated[GuardReason, typer.Option("--reason", help="Why, as a code; no names 原因代码")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Open for one passage (开门一次).

    Example: anyu-edge unlock north_in --reason forgot_card
    """
    _do(config, "unlock", "can_key", json=json, access_point=access_point, reason=reason.value)


def lock_down(door: Door = "", config: Config = CONFIG, json: Json = False) -> None:
    """Let nobody in, at one door or at all; exits go on (封锁).

    Example: anyu-edge lock-down north
    """
    _do(config, "lock_down", "can_key", json=json, door=door)


def release(door: Door = "", config: Config = CONFIG, json: Json = False) -> None:
    """End a lock-down or locked-open (解除).

    Example: anyu-edge release
    """
    _do(config, "release", "can_key", json=json, door=door)


def _do(config: Path, verb: str, can: str, *, json: bool, **args: str) -> None:
    settings = talk.site(config)
    answer: Any = talk.need(settings, verb, can, timeout_s=ANSWER_S, **args)
    if json:
        talk.data(answer)
    else:
        talk.line(say(settings.locale, answer["result"]))
        if not answer.get("recorded", True):
            talk.line(say(settings.locale, "not_recorded"))
