"""The verbs discover · doctor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from drivers.examine import Mark
from edge.cli import talk
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.degraded import sentence
from edge.errors import NoDaemon
from edge.installer import doctor as look
from edge.installer import words
from edge.installer.bench import Bench, bench
from edge.installer.discover import LOOK_S, as_data, as_yaml
from edge.installer.discover import look as look_around
from edge.installer.doctor import PRESENT_S, Row, worst
from edge.settings import Settings

KINDS = ("serial", "uhppote", "onvif")
SIGNS: Mapping[Mark, str] = {Mark.GOOD: "+", Mark.WARN: "!", Mark.BAD: "X"}


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.command()(discover)
    app.command()(doctor)


def discover(
    kinds: Annotated[list[str] | None, typer.Argument(help="serial, uhppote, onvif; all if left out 查找什么，不写为全部")] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, max=60, help="How long to listen 查找秒数")] = LOOK_S,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Find serial ports, UHPPOTE (微耕) boards and ONVIF cameras, and print them as settings to paste (查找设备).

    Nothing is opened or changed: this is safe beside a running gateway.

    Example: anyu-edge discover serial
    """
    loaded = talk.read(config)
    locale = loaded.locale
    wanted = tuple(kinds or KINDS)
    if not set(wanted) <= set(KINDS):
        talk.complain(say(locale, "bad_argument", detail=", ".join(KINDS)))
        raise typer.Exit(talk.WRONG_USE)
    if not json and set(wanted) != {"serial"}:
        talk.complain(words.prompt(locale, "looking", {"seconds": f"{seconds:g}"}))
    seen = asyncio.run(look_around(wanted, seconds=seconds))
    used = _used(loaded.settings)
    if json:
        talk.data(as_data(seen, used))
        return
    for kind, why in seen.failed.items():
        talk.complain(words.prompt(locale, "not_looked", {"kind": kind, "why": why}))
    lines = as_yaml(seen, used, lambda code: words.prompt(locale, code))
    if not lines:
        talk.line(words.prompt(locale, "nothing"))
        raise typer.Exit(talk.BAD_NEWS)
    for line in [words.prompt(locale, "paste"), *lines]:
        talk.line(line)


def doctor(
    door: Annotated[str, typer.Option("--door", help="Also try this door's readers and contacts, live 同时试这扇门")] = "",
    pulse: Annotated[bool, typer.Option("--pulse", help="Also release doors, each after asking 试开门，先询问")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a pulse, nor whether it clicked 不询问")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=0.2, max=120, help="How long to wait for a card 等待秒数")] = PRESENT_S,
    streams: Annotated[bool, typer.Option("--streams/--no-streams", help="Open the cameras' pictures 打开视频")] = True,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Examine every device; with --door its readers and contacts too, with --pulse its lock (检查设备).

    Beside a running gateway everything is asked of it; no port is taken from it. Exit code 1 if anything is bad.

    Example: anyu-edge doctor --door north --pulse
    """
    loaded = talk.read(config)
    settings = talk.usable(loaded, config)
    if door and door not in settings.doors:
        talk.complain(say(settings.locale, "unknown_place", detail=", ".join(settings.doors)))
        raise typer.Exit(talk.WRONG_USE)
    told = _Told(settings, json=json, yes=yes)
    devices = bench(settings, talk.socket_of(settings), door or None)
    try:
        told.rows([Row(str(fault.place), Mark.BAD, "settings_fault", {"what": fault.message(loaded.locale)}) for fault in loaded.faults])
        told.prompt("with_daemon" if devices.daemon else "without_daemon", {})
        told.rows(look.controllers(devices, settings, door or None))
        if not door:
            told.rows(_cameras(devices, settings, streams=streams))
            if devices.daemon:
                health: Any = talk.ask(settings, "status")
                told.rows(
                    look.degraded(health, settings, lambda word: sentence(word, settings.locale), {fault.word for fault in loaded.faults})
                )
        else:
            told.rows(look.readers(devices, settings, door, told.prompt, seconds))
            told.rows(look.contacts(devices, settings, door, told.prompt, seconds))
        if pulse:
            for name in [door] if door else settings.doors:
                told.rows(look.pulse(devices, name, told.ask))
    except NoDaemon:
        talk.no_daemon(settings, "can_check")
    finally:
        devices.close()
    told.end()
    if worst(told.all) is Mark.BAD:
        raise typer.Exit(talk.BAD_NEWS)


class _Told:
    """Rows as they come, to a person; all at the end, to a program."""

    def __init__(self, settings: Settings, *, json: bool, yes: bool) -> None:
        self.all: list[Row] = []
        self._locale, self._json, self._yes = settings.locale, json, yes

    def rows(self, found: list[Row]) -> None:
        """Say them."""
        self.all += found
        if self._json:
            return
        for row in found:
            todo = words.todo(self._locale, row.code, row.values) if row.mark is not Mark.GOOD else ""
            talk.line(f"{SIGNS[row.mark]} {row.subject}: {words.sentence(self._locale, row.code, row.values)}")
            if todo:
                talk.line("    " + words.prompt(self._locale, "todo", {"what": todo}))

    def prompt(self, code: str, values: Mapping[str, str]) -> None:
        """Say something that is no finding."""
        talk.complain(words.prompt(self._locale, code, values))

    def ask(self, code: str, values: Mapping[str, str]) -> bool | None:
        """Ask, unless nobody is to be asked: --yes is leave to release, and no word of what was heard. A program without it has said no."""
        if self._yes:
            return True if code == "may_pulse" else None
        if self._json:
            return False
        try:
            return typer.confirm(words.prompt(self._locale, code, values), default=False)
        except typer.Abort:
            return False

    def end(self) -> None:
        """The summary."""
        if self._json:
            rows = [
                {
                    "subject": row.subject,
                    "mark": row.mark.value,
                    "code": row.code,
                    "values": dict(row.values),
                    "message": words.sentence(self._locale, row.code, row.values),
                    "todo": words.todo(self._locale, row.code, row.values) if row.mark is not Mark.GOOD else "",
                }
                for row in self.all
            ]
            talk.data({"mark": worst(self.all).value, "findings": rows})
            return
        count = sum(row.mark is worst(self.all) for row in self.all)
        said = {Mark.BAD: "some_bad", Mark.WARN: "some_to_see", Mark.GOOD: "all_good"}[worst(self.all)]
        talk.line(words.prompt(self._locale, said, {"count": str(count)}))


def _cameras(devices: Bench, settings: Settings, *, streams: bool) -> list[Row]:
    """Every camera. Beside a daemon, whether it has the picture is the daemon's word: cheap cameras serve few viewers."""
    if not settings.cameras:
        return []
    from edge.installer.cameras import look_at

    rows = []
    for name, camera in settings.cameras.items():
        rows += look_at(name, camera, stream=streams and not devices.daemon)
        if devices.daemon:
            rows.append(look.camera(devices, name))
    return rows


def _used(settings: Settings | None) -> dict[str, str]:
    """What the settings name already: ports, serial numbers, hosts."""
    used: dict[str, str] = {}
    if settings is None:
        return used
    options = {name: given.options for name, given in settings.controllers.items()}
    options |= {name: given.options for name, given in settings.cameras.items()}
    for name, one in options.items():
        for key in ("port", "serial", "host"):
            if isinstance(value := getattr(one, key, None), str | int) and value:
                used[str(value)] = name
    return used
