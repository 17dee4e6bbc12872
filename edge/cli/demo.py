"""The verb demo."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from edge.cli import talk
from edge.settings import Locale


def add_to(app: typer.Typer) -> None:
    """Put this verb into the command."""
    app.command()(demo)


def demo(
    seconds: Annotated[float, typer.Option("--seconds", envvar="DEMO_SECONDS", min=5, help="How long 演示秒数")] = 60,
    broker: Annotated[str, typer.Option("--broker", help="A broker of your own: mqtt://host[:1883] 自己的代理服务器")] = "",
    reader: Annotated[str, typer.Option("--reader", help="A real reader behind a serial converter: /dev/serial/by-id/… 真实读卡器")] = "",
    relay: Annotated[str, typer.Option("--relay", help="A real LCUS relay board; its relay 1 will click 真实继电器板")] = "",
    roster: Annotated[Path | None, typer.Option("--roster", help="A folder with your roster.csv or roster.xlsx 自己的花名册")] = None,
    camera: Annotated[str, typer.Option("--camera", help="rtsp://…, a clip, or the number of a USB camera 自己的摄像机")] = "",
    photos: Annotated[Path | None, typer.Option("--photos", help="Pictures to enrol, one person each 要登记的照片")] = None,
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="With a camera at the south door 含人脸")] = True,
    english: Annotated[bool, typer.Option("--english", help="Speak English 用英文显示")] = False,
) -> None:
    """Play an evening at a simulated gate with the real daemon, and show each event as it comes back through the broker (演示).

    With a reader, relay, roster, camera or photos of your own nobody is played: stand there yourself.
    Exit code 0 only if nothing is missing.

    Example: anyu-edge demo --seconds 30 --english

    Example: anyu-edge demo --reader /dev/serial/by-id/usb-converter --roster ./roster --broker mqtt://192.168.1.5
    """
    from edge.demo import eyes
    from edge.demo.run import Choices, play, summary

    chinese = not english and (os.environ.get("LC_ALL") or os.environ.get("LANG") or "zh").lower() not in {
        "en",
        "en_us.utf-8",
        "en_gb.utf-8",
    }
    faces = faces and eyes.possible()
    locale: Locale = "zh" if chinese else "en"
    choices = Choices(seconds, broker, reader, relay, roster, camera, photos, faces, locale)
    evening = asyncio.run(play(choices, talk.line))
    for line in summary(evening, choices.locale):
        talk.line(line)
    raise typer.Exit(0 if evening.good else talk.BAD_NEWS)
