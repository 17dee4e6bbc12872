"""The verbs check · run · status · events · why · who-may."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from edge.cli import faces, offline, talk, units
from edge.cli.root import give_up_root, given_up_for
from edge.cli.talk import CONFIG, Config, Json
from edge.cli.words import say
from edge.degraded import sentence
from edge.errors import NoDaemon
from edge.settings import Settings
from edge.settings.machine import against_machine


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the command."""
    app.command()(check)
    app.command()(run)
    app.command()(status)
    app.command()(events)
    app.command()(why)
    app.command("who-may")(who_may)


def check(
    config: Config = CONFIG,
    json: Json = False,
    write_units: Annotated[
        bool, typer.Option("--write-units", help="As root: let the recogniser's unit reach these cameras 允许识别单元访问这些摄像机")
    ] = False,
) -> None:
    """Check the settings: every fault at once, with its line and column (检查配置).

    Example: anyu-edge check --config site.yaml
    """
    found = talk.read(config)
    written = not write_units
    if write_units and found.settings is not None:
        written = units.write(found.settings)  # needs root, which is given up below
    if found.settings is not None:
        give_up_root(found.settings.state_dir)
    here = against_machine(found)
    faults = (*found.faults, *(fault for fault in here if fault.grave))
    warnings = (
        *found.warnings,
        *(fault for fault in here if not fault.grave),
        *offline.against_roster(found),
        *faces.against_machine(found),
    )
    may = faces.what_faces_may(found.settings) if found.settings is not None else []
    # Until a site can choose (a guard is asked, or somebody is reminded), an installer learns here what an ended tenancy does.
    entries = found.settings is not None and any(point.direction == "in" for point in found.settings.access_points.values())
    notes = [say(found.locale, "after_end")] if entries else []
    said = say(found.locale, "settings_bad", faults=str(len(faults)), warnings=str(len(warnings)))
    if json:
        rows = [
            {
                "file": fault.place.file,
                "line": fault.place.line,
                "column": fault.place.column,
                "code": fault.code,
                "grave": fault.grave,
                "near": fault.near,
                "message": fault.message(found.locale),
            }
            for fault in (*faults, *warnings)
        ]
        talk.data({"ok": not faults, "faults": rows, "faces": may, "notes": notes})
    else:
        for fault in (*faults, *warnings):
            talk.line(f"{fault.place}: {say(found.locale, 'fault' if fault.grave else 'warning')}: {fault.message(found.locale)}")
        if found.settings is not None and not faults:
            s = found.settings
            counts = {"doors": len(s.doors), "points": len(s.access_points), "controllers": len(s.controllers)}
            said = say(found.locale, "settings_good", **{key: str(value) for key, value in counts.items()})
        for text in (*notes, *may):
            talk.line(text)
        talk.line(said)
    if faults:
        raise typer.Exit(talk.WRONG_USE if talk.missing(found) else talk.BAD_NEWS)
    if not written:
        raise typer.Exit(talk.BAD_NEWS)


def run(config: Config = CONFIG) -> None:
    """Run the gateway until it is told to stop (what systemd calls) (运行网关).

    Example: anyu-edge run --config /etc/anyu-edge/site.yaml
    """
    from edge import log
    from edge.journal import JournalInUse

    loaded = talk.read(config, secrets=True)
    settings = talk.usable(loaded, config)
    # Root is kept: what a gate has worked with so far (ports, keys) may be root's alone. But its files lie where another account writes.
    degraded = (*loaded.degraded, *(("config.run_by_root",) if given_up_for(settings.state_dir) else ()))
    log.set_up(settings.log_level, under_systemd="JOURNAL_STREAM" in os.environ)
    for fault in loaded.faults:
        logging.getLogger(__name__).warning("%s", fault.text(loaded.locale))
    from edge.process import serve

    try:
        code = serve(settings, degraded)
    except JournalInUse:
        talk.complain(say(settings.locale, "in_use", path=str(settings.state_dir)))
        code = talk.BAD_NEWS
    raise typer.Exit(code)


def status(config: Config = CONFIG, json: Json = False) -> None:
    """Show the doors, open alarms and what is wrong (查看状态).

    Example: anyu-edge status
    """
    settings = talk.site(config)
    health: Any = talk.need(settings, "status")
    if json:
        talk.data(health)
        return
    locale = settings.locale
    columns = ("state", "contact", "lock", "mode", "line")
    rows = [[str(door["name"]), *(say(locale, f"{column}_{door[column]}") for column in columns)] for door in health["doors"]]
    talk.table(say(locale, "doors").split(), rows)
    if ends := health.get("fire_ends_at"):
        talk.line(say(locale, "fire_quiet", at=_local(ends, settings)))
    for door in health["doors"]:
        if waiting := door.get("waiting"):
            talk.line(say(locale, "waiting", door=str(door["name"]), mode=say(locale, f"mode_{waiting}")))
    for alarm in health["alarms"]:
        if alarm["type"] != "anyu.gateway.degraded.v1":  # told below, by its word
            fault, _, of = alarm.get("detail", "").partition(".")
            where = f"{alarm.get('door', '')} {of}".strip()
            talk.line(
                say(locale, "alarm", what=offline.word(fault or alarm["type"], locale), door=where, since=_local(alarm["since"], settings))
            )
    for word in health["degraded"]:
        talk.line(say(locale, "degraded", word=word, sentence=sentence(word, locale)))
    if not health["degraded"] and not health["alarms"]:
        talk.line(say(locale, "all_well"))


def _local(instant: str, settings: Settings) -> str:
    """A time as the clock on the wall of the site shows it."""
    return f"{datetime.fromisoformat(instant).astimezone(settings.site.tz):%Y-%m-%d %H:%M:%S}"


def events(
    config: Config = CONFIG,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come 持续显示")] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, max=10_000, help="How many to begin with 先显示几条")] = 20,
    json: Json = False,
) -> None:
    """Show what happened (查看事件).

    Example: anyu-edge events --last 50 --follow
    """
    settings = talk.site(config)
    try:
        for event in _events(settings, last=last, follow=follow):
            if json:
                talk.data(event)
            else:
                talk.line(offline.readable(event, settings))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _events(settings: Settings, *, last: int, follow: bool) -> Iterator[Any]:
    try:
        yield from talk.follow(settings, "events", last=last, follow=follow)
    except NoDaemon:
        if follow:
            talk.no_daemon(settings, "can_check")
        talk.complain(say(settings.locale, "from_disk"))
        yield from offline.latest(settings, last)


def why(
    event_id: Annotated[str, typer.Argument(help="GATEWAY-EPOCH-NUMBER, or the number alone 事件编号或序号")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Say why somebody was let in or not, with the facts stored at the time (为何放行或拒绝).

    Example: anyu-edge why gw1-3f9a1c2200b1d4e7-1234
    """
    settings = talk.site(config)
    epoch, seq = offline.event_id(event_id, settings)
    try:
        event: Any = talk.ask(settings, "why", epoch=epoch, seq=seq)
    except NoDaemon:
        talk.complain(say(settings.locale, "from_disk"))
        event = offline.event(settings, epoch, seq)
    if json:
        talk.data(event)
        return
    locale = settings.locale
    facts: Mapping[str, Any] = event["data"]
    talk.line(offline.readable(event, settings))
    if event["type"] == "anyu.gateway.degraded.v1":
        talk.line(sentence(str(facts["what"]), locale))
    else:
        talk.line(say(locale, f"why_{facts['reason']}") if "reason" in facts else say(locale, "no_reason"))
    if "roster_version" in facts:
        age, clock = str(facts.get("roster_age_s", "?")), offline.word(str(facts["clock"]), locale)
        talk.line(say(locale, "judged_by", version=str(facts["roster_version"]), age=age, clock=clock))
    talk.table(("", ""), [(f"  {key}", offline.plain(value)) for key, value in sorted(facts.items())])


def who_may(
    access_point: Annotated[str, typer.Argument(help="An access point of site.yaml 通行点")],
    at: Annotated[str, typer.Option("--at", help="A time of the site, as 2026-03-02T22:30; now if left out 时间")] = "",
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """List who may pass an access point, and why the others may not (谁可以通行).

    Example: anyu-edge who-may north_in --at 2026-10-01T23:30
    """
    settings = talk.site(config)
    try:
        rows: Any = talk.ask(settings, "who_may", access_point=access_point, at=at)
    except NoDaemon:
        talk.complain(say(settings.locale, "from_folder"))
        rows = offline.who_may(settings, access_point, at)
    if json:
        talk.data(rows)
        return
    locale = settings.locale
    talk.table(
        say(locale, "who").split(),
        [
            (
                row["id"],
                row["name"],
                row["room"],
                offline.word(row["kind"], locale),
                say(locale, "yes" if row["may"] else "no"),
                offline.word(row["reason"], locale),
            )
            for row in rows
        ],
    )
