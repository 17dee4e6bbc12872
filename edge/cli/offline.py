"""What the command can do without a daemon: read the journal and the roster folder, and write nothing."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import typer

from edge.access.rules import groups_of
from edge.cli import talk
from edge.cli.root import give_up_root
from edge.cli.words import say
from edge.clock import PlainClock
from edge.control.whomay import who_may as judge
from edge.durable import no_link
from edge.errors import CommandRefused
from edge.gate.wiring import wire
from edge.journal.faults import Unreadable
from edge.journal.read import Reader
from edge.roster import apart
from edge.roster.book import assemble, numbers
from edge.roster.faults import RosterFaults
from edge.roster.folder import Known
from edge.roster.identities import Identities
from edge.roster.pins import KEY_BYTES, PinHash
from edge.settings import Fault, Loaded, Settings
from edge.settings.faults import nearest
from edge.uplink.arrivals import Arrival
from edge.uplink.lines import readable as line_of
from edge.uplink.receive_store import Key
from edge.uplink.wire import Encoder
from edge.uplink.words import EVENTS, VALUES

_ID = re.compile(r"(?:(?P<gateway>[a-z0-9_]{1,32})-(?P<epoch>[A-Za-z0-9_]{1,64})-)?(?P<seq>[0-9]{1,19})")


def event_id(text: str, settings: Settings) -> tuple[str, int]:
    """Epoch (or nothing) and number of an event of this gateway; ends the command if it is no such id."""
    found = _ID.fullmatch(text.strip())
    if found is None or (found["gateway"] or settings.gateway.name) != settings.gateway.name:
        talk.refuse(settings.locale, CommandRefused("bad_id", text))
    return found["epoch"] or "", int(found["seq"])


def latest(settings: Settings, last: int) -> Iterator[Mapping[str, Any]]:
    """The newest events on disk, oldest of them first."""
    encoder = _encoder(settings)
    try:
        for record in _reader(settings).latest(last):
            yield json.loads(encoder.event(record))
    except Unreadable as why:
        _no_journal(settings, why)


def event(settings: Settings, epoch: str, seq: int) -> Mapping[str, Any]:
    """One event on disk; without an epoch, of the newest."""
    try:
        reader = _reader(settings)
        eras = [era for era in reader.eras() if epoch in {"", era.epoch}]
        records = reader.page(eras[-1], seq - 1, 1, seq).sound if eras else []
    except Unreadable as why:
        _no_journal(settings, why)
    if not records:
        talk.refuse(settings.locale, CommandRefused("no_such_event", f"{epoch} {seq}".strip()))
    found: Mapping[str, Any] = json.loads(_encoder(settings).event(records[0]))
    return found


def who_may(settings: Settings, access_point: str, at: str) -> list[dict[str, object]]:
    """Who may pass by what the roster folder says now, applied or not."""
    if access_point not in settings.access_points:
        talk.refuse(settings.locale, CommandRefused("unknown_place", ", ".join(settings.access_points)))
    try:
        time = datetime.fromisoformat(at) if at else None
    except ValueError:
        talk.refuse(settings.locale, CommandRefused("bad_time", at))
    give_up_root(settings.state_dir)
    sheets = apart.read(settings.roster.folder, settings.roster, settings.site.tz, Known())
    try:
        sheets.sound()
    except RosterFaults as faults:
        for fault in faults.faults:
            talk.complain(fault.text(settings.locale))
        raise typer.Exit(talk.BAD_NEWS) from None
    now = PlainClock().now()
    refs = Identities(settings.state_dir / "roster" / "none").peek(*numbers(sheets))  # refs of this moment: none is kept, none is shown
    book = assemble(sheets, refs, PinHash(secrets.token_bytes(KEY_BYTES)), now.at, breathe=lambda _: None)
    return judge(access_point, book, wire(settings, settings.site.tz).rules, now, time)


def against_roster(loaded: Loaded) -> list[Fault]:
    """What only shows beside the roster: groups of the rules that nobody belongs to, tenancies that have ended.

    Warnings, for the roster changes more often.
    """
    settings = loaded.settings
    if settings is None or not settings.access_rules:
        return []
    place = loaded.layers.place(("roster", "folder"))
    known_points = Known(settings.ruled, frozenset(settings.access_points))
    try:
        if not settings.roster.folder.is_dir():
            return []
        sheets = apart.read(settings.roster.folder, settings.roster, settings.site.tz, known_points)
    except OSError as why:  # the folder, or the Python that a process of its own needs
        said = (("account", f"uid {os.geteuid()}"), ("path", str(why.filename or settings.roster.folder)))
        return [Fault(place, "roster_not_looked_at", said, grave=False)]
    if sheets.faults:
        count = str(len(sheets.faults) + sheets.more_faults)
        return [Fault(place, "roster_faults", (("count", count),), grave=False)]
    known = {group for draft in sheets.tenants for group in groups_of(draft.tenant)}
    today = PlainClock().now().at.astimezone(settings.site.tz).date()
    over = sum(1 for draft in sheets.tenants if (end := draft.tenant.valid_until) is not None and end < today)
    return [Fault(place, "tenancies_over", (("count", str(over)),), grave=False)] * bool(over) + [
        Fault(
            loaded.layers.place(("access_rules", rule, "groups", index)),
            "no_group",
            (("name", name), ("there", ", ".join(sorted(known)) or "-")),
            nearest(name, known),
            grave=False,
        )
        for rule, given in enumerate(settings.access_rules)
        for index, name in enumerate(given.groups)
        if name not in known
    ]


def readable(event: Mapping[str, Any], settings: Settings) -> str:
    """An event as one line for a person."""
    epoch = str(event["id"]).removeprefix(f"{settings.gateway.name}-").rpartition("-")[0]
    key = Key(settings.site.name, settings.gateway.name, epoch)
    return line_of(Arrival(key, int(event["sequence"]), "", dict(event), live=True), settings.locale)


def word(value: str, locale: str) -> str:
    """A value of an event, or its type, in the site's language."""
    if value == "granted":
        return say(locale, value)
    found = VALUES.get(value) or EVENTS.get(value.removeprefix("anyu.").removesuffix(".v1"))
    return found.of(locale) if found else value


def plain(value: object) -> str:
    """A value as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _encoder(settings: Settings) -> Encoder:
    return Encoder(settings.site.name, settings.gateway.name, disclose_person=True)


def journal_file(settings: Settings) -> Path:
    """The journal's database; where there is none, or this account may not read it, that is said and the command ends."""
    give_up_root(settings.state_dir)
    path = settings.state_dir / "journal" / "journal.db"
    try:
        with open(path, "rb", opener=no_link):
            return path
    except FileNotFoundError:
        talk.complain(say(settings.locale, "never_started", path=str(path)))
    except OSError as why:
        talk.complain(say(settings.locale, "no_journal", detail=f"{path} ({talk.reason(settings.locale, why)})"))
    raise typer.Exit(talk.BAD_NEWS)


def _reader(settings: Settings) -> Reader:
    return Reader(journal_file(settings))


def _no_journal(settings: Settings, why: Unreadable) -> NoReturn:
    where = f"{settings.state_dir / 'journal'} ({say(settings.locale, f'disk_{why.fault}')})"
    talk.complain(say(settings.locale, "no_journal", detail=where))
    raise typer.Exit(talk.BAD_NEWS)
