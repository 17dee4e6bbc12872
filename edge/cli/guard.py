"""The verbs unlock · lock-down · release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import drivers
from edge.access.reasons import GuardReason
from edge.cli import talk
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.control.client import ANSWER_S
from edge.errors import NoDaemon
from edge.settings import Settings

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
    _do(config, "unlock", json=json, access_point=access_point, reason=reason.value)


def lock_down(door: Door = "", config: Config = CONFIG, json: Json = False) -> None:
    """Let nobody in, at one door or at all; exits go on (封锁).

    Example: anyu-edge lock-down north
    """
    _do(config, "lock_down", json=json, door=door)


def release(door: Door = "", config: Config = CONFIG, json: Json = False) -> None:
    """End a lock-down or locked-open (解除).

    Example: anyu-edge release
    """
    _do(config, "release", json=json, door=door)


def _do(config: Path, verb: str, *, json: bool, **args: str) -> None:
    settings = talk.site(config)
    try:
        answer: Any = talk.ask(settings, verb, timeout_s=ANSWER_S, **args)
    except NoDaemon:
        point = settings.access_points.get(args.get("access_point", ""))
        door = point.door if point else args.get("door", "")
        talk.no_daemon(settings, " ".join(_by_hand(settings, door, shut=verb == "lock_down")))
    if json:
        talk.data(answer)
    else:
        held = f"held_{answer['mode']}" if "mode" in answer else answer["result"]  # an unlock that has nothing to release
        talk.line(say(settings.locale, "after_fire" if answer.get("waits") == "fire" else held))
        if not answer.get("recorded", True):
            talk.line(say(settings.locale, "not_recorded"))


def _by_hand(settings: Settings, door: str, *, shut: bool) -> Iterator[str]:
    """What a guard can do at these doors (all of them where none is named) while no daemon runs: what a lock does without power decides."""
    doors = {name: given for name, given in settings.doors.items() if door in {name, ""} or door not in settings.doors}
    for kind in ("fail_safe", "fail_secure"):
        if names := [name for name, given in doors.items() if given.lock.type == kind]:
            yield say(settings.locale, f"{'shut' if shut else 'open'}_{kind}", doors=", ".join(names))
    kinds = {name: settings.controllers[given.lock.controller].driver for name, given in doors.items()}
    if shut and (names := [name for name, kind in kinds.items() if drivers.KINDS[kind].keeps_cards]):
        yield say(settings.locale, "own_table", doors=", ".join(names))
