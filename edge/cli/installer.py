"""The verbs simulate card · pin · rex · contact · fire."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.cli import talk
from edge.cli.talk import CONFIG, Config
from edge.cli.words import say
from edge.control.client import ANSWER_S

simulate = typer.Typer(
    help="Act at a gate: marked as simulated, no real lock moves without --live. 模拟（事件带标记，不加 --live 不驱动真实门锁）",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Point = Annotated[str, typer.Argument(help="An access point of site.yaml 通行点")]
Door = Annotated[str, typer.Argument(help="A door of site.yaml 门")]
Live = Annotated[bool, typer.Option("--live", help="Let real locks move 允许驱动真实门锁")]


class Leaf(StrEnum):
    """What a door contact can say."""

    OPEN = "open"
    CLOSED = "closed"


class Switch(StrEnum):
    """What a fire line can say."""

    ON = "on"
    OFF = "off"


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.add_typer(simulate, name="simulate")


@simulate.command()
def card(
    access_point: Point,
    number: Annotated[str, typer.Argument(help="fc:205,42220 or dec:0013477100 or hex:00CDA4EC 卡号")],
    config: Config = CONFIG,
    *,
    live: Live = False,
) -> None:
    """Hold a card to a reader (刷卡).

    Example: anyu-edge simulate card north_in fc:205,42220
    """
    _act(config, "card", live=live, access_point=access_point, number=number)


@simulate.command()
def pin(
    access_point: Point,
    number: Annotated[str, typer.Option(prompt="PIN", hide_input=True, help="Asked for if left out 密码，不写则询问")],
    config: Config = CONFIG,
    *,
    live: Live = False,
) -> None:
    """Type a PIN (输密码).

    Example: anyu-edge simulate pin north_in
    """
    _act(config, "pin", live=live, access_point=access_point, number=number)


@simulate.command()
def rex(door: Door, config: Config = CONFIG, *, live: Live = False) -> None:
    """Press the exit button (按出门按钮).

    Example: anyu-edge simulate rex north
    """
    _act(config, "rex", live=live, door=door)


@simulate.command()
def contact(door: Door, state: Leaf, config: Config = CONFIG, *, live: Live = False) -> None:
    """Open or close the leaf (开关门扇).

    Example: anyu-edge simulate contact north open
    """
    _act(config, "contact", live=live, door=door, state=state.value)


@simulate.command()
def fire(state: Switch, config: Config = CONFIG, *, live: Live = False) -> None:
    """Switch the fire line (消防信号).

    Example: anyu-edge simulate fire on
    """
    _act(config, "fire", live=live, state=state.value)


def _act(config: Path, what: str, *, live: bool, **args: str) -> None:
    settings = talk.site(config)
    answer: Any = talk.need(settings, "simulate", timeout_s=ANSWER_S, what=what, **args, **({"live": "yes"} if live else {}))
    talk.line(say(settings.locale, answer["result"]))
