"""The command `anyu-edge`. One file an audience; each verb is a few lines, and what it does lives elsewhere."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import typer

from edge import __version__
from edge.cli import centre, demo, everyone, faces, guard, inspector, installer, looking, manager, weights
from edge.cli.ending import Ending

for name in ("stdout", "stderr"):
    stream = getattr(sys, name) or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - cron or a shell gave us none
    setattr(sys, name, stream)
    if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a character shows its number, and the table goes on
        stream.reconfigure(errors="backslashreplace")

app = typer.Typer(
    name="anyu-edge",
    cls=Ending,
    help="The gateway of a dormitory gate. 安寓边缘网关",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print the values of variables, cards among them
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"anyu-edge {__version__}")
        raise typer.Exit


@app.callback()
def _main(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version 版本")) -> None:
    pass


for audience in (demo, everyone, manager, faces, guard, looking, installer, weights, inspector, centre):
    audience.add_to(app)
