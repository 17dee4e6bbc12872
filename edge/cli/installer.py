"""The verbs simulate card · qr · face · misread · pin · rex · contact · pass · desk · fire · tamper · power."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.cli import offline, talk
from edge.cli.talk import CONFIG, Config
from edge.cli.words import say
from edge.control.client import ANSWER_S

simulate = typer.Typer(
    help="Act at a gate: marked as simulated; no real lock moves without --live. 模拟（事件带标记，不加 --live 不驱动真实门锁）",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Point = Annotated[str, typer.Argument(help="An access point of site.yaml 通行点")]
Door = Annotated[str, typer.Argument(help="A door of site.yaml 门")]
Device = Annotated[str, typer.Argument(help="A controller of site.yaml 控制器")]
Live = Annotated[bool, typer.Option("--live", help="Let real locks release 允许打开真实门锁")]
LiveFire = Annotated[bool, typer.Option("--live", help="Real locks release until fire off; refused with off 真实门锁打开到 fire off")]
NotLive = Annotated[bool, typer.Option("--live", help="Refused: the device alone says this of a real door 不可用：只由设备自己说")]


class Leaf(StrEnum):
    """What a door contact can say."""

    OPEN = "open"
    CLOSED = "closed"


class Switch(StrEnum):
    """What a fire line can say."""

    ON = "on"
    OFF = "off"


class Way(StrEnum):
    """Which way a turnstile turns."""

    IN = "in"
    OUT = "out"


class Supply(StrEnum):
    """What a device can say of its supply."""

    OK = "ok"
    FAILED = "failed"


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
    """Hold a card to a reader, and say what was decided (刷卡，并显示判定).

    Example: anyu-edge simulate card north_in fc:205,42220
    """
    _act(config, "card", live=live, access_point=access_point, number=number)


@simulate.command()
def qr(
    access_point: Point,
    text: Annotated[str, typer.Argument(help="The text of the code 二维码内容")],
    config: Config = CONFIG,
    *,
    live: Live = False,
) -> None:
    """Hold a QR code to a reader (扫二维码).

    Example: anyu-edge simulate qr north_in 7KQ29XBM
    """
    _act(config, "qr", live=live, access_point=access_point, number=text)


@simulate.command()
def face(
    access_point: Point,
    tenant_id: Annotated[str, typer.Argument(help="A tenant of the roster 住户编号")],
    config: Config = CONFIG,
    *,
    alone: Annotated[bool, typer.Option("--alone/--needs-card", help="Whether a face by itself may open here 人脸可否单独开门")] = True,
    live: Live = False,
) -> None:
    """Let a camera recognise a tenant, with or without recognition installed (人脸).

    Example: anyu-edge simulate face north_in 1001
    """
    _act(config, "face", live=live, access_point=access_point, tenant_id=tenant_id, alone="yes" if alone else "no")


@simulate.command()
def misread(access_point: Point, config: Config = CONFIG, *, live: Live = False) -> None:
    """Hold something to a reader that it cannot read (读卡失败).

    Example: anyu-edge simulate misread north_in
    """
    _act(config, "misread", live=live, access_point=access_point)


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
def contact(door: Door, state: Leaf, config: Config = CONFIG, *, live: NotLive = False) -> None:
    """Open or close the leaf (开关门扇).

    Example: anyu-edge simulate contact north open
    """
    _act(config, "contact", live=live, door=door, state=state.value)


@simulate.command("pass")
def pass_(door: Door, way: Way, config: Config = CONFIG, *, live: NotLive = False) -> None:
    """Go through a turnstile (过闸).

    Example: anyu-edge simulate pass north in
    """
    _act(config, "pass", live=live, door=door, state=way.value)


@simulate.command()
def desk(config: Config = CONFIG, *, live: Live = False) -> None:
    """Press the button on the guard's desk (按值班台按钮).

    Example: anyu-edge simulate desk
    """
    _act(config, "desk", live=live)


@simulate.command()
def tamper(
    controller: Device,
    state: Switch,
    reader: Annotated[int, typer.Option("--reader", min=0, max=255, help="0 is the device itself 0 为设备本身")] = 0,
    config: Config = CONFIG,
    *,
    live: NotLive = False,
) -> None:
    """Open a cover, or put it back (防拆).

    Example: anyu-edge simulate tamper bus1 on --reader 1
    """
    _act(config, "tamper", live=live, controller=controller, state=state.value, reader=str(reader))


@simulate.command()
def power(controller: Device, state: Supply, config: Config = CONFIG, *, live: NotLive = False) -> None:
    """Let a device say that its supply fails, or is well (供电).

    Example: anyu-edge simulate power bus1 failed
    """
    _act(config, "power", live=live, controller=controller, state=state.value)


@simulate.command()
def fire(state: Switch, config: Config = CONFIG, *, live: LiveFire = False) -> None:
    """Play a fire, or that there is none (消防信号). With --live real locks are released until `fire off`; a real fire goes on.

    Example: anyu-edge simulate fire on
    """
    _act(config, "fire", live=live, state=state.value)


def _act(config: Path, what: str, *, live: bool, **args: str) -> None:
    settings = talk.site(config)
    answer: Any = talk.need(settings, "simulate", timeout_s=ANSWER_S, what=what, **args, **({"live": "yes"} if live else {}))
    locale = settings.locale
    if "decision" not in answer:
        talk.line(say(locale, answer["result"]))
        return
    decision = offline.word("granted" if answer["decision"] == "granted" else "anyu.access.denied.v1", locale)
    reason = answer["reason"]
    more = "" if reason == "granted" else f" · {offline.word(reason, locale)}"
    talk.line(f"#{answer['sequence']} {decision}{more}")
    talk.line(say(locale, f"why_{reason}"))
