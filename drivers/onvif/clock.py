"""A device's clock: read before anybody signs, allowed for in every signature, reported, and put right where the site wants that."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drivers.errors import Garbled, Refused
from drivers.onvif.faults import NotAllowed, making_sense

if TYPE_CHECKING:
    from drivers.onvif.soap import Soap

log = logging.getLogger(__name__)

SAME_S = 5.0  # two readings of a clock this close are one: a device's clock has whole seconds, its answer takes some
WRONG_S = 2.0  # a clock is put right only beyond what one reading can be wrong by

Wall = Callable[[], datetime | None]
"""The time in UTC, or None while the machine's own clock cannot be believed: then no device is set by it."""


class Source(StrEnum):
    """Where a skew was read."""

    DEVICE = "device"  # GetSystemDateAndTime
    HTTP = "http"  # the Date header of an answer
    ASSUMED = "assumed"  # nothing said anything; the device took our time


@dataclass(frozen=True, slots=True)
class Skew:
    """How far the device's clock is ahead of ours, to about a second."""

    seconds: float
    source: Source


async def sign_in(soap: Soap) -> tuple[Any, Skew]:
    """Find the time in which the device accepts a signature; gives what it answered to GetDeviceInformation, and its clock.

    Its own time, asked without a signature, is the rule. Some devices want even that question signed, and some tell local time as UTC: then
    the header of their refusal has the time, and last comes our own. Never more than three tries: devices lock accounts after five.
    Raises NotAllowed where none is accepted; LineLost, NoAnswer, Refused, Garbled.
    """
    guesses: list[Skew] = []
    with contextlib.suppress(Refused, Garbled):
        guesses.append(await _read(soap, signed=False))
    if soap.http_skew_s is not None:
        guesses.append(Skew(soap.http_skew_s, Source.HTTP))
    guesses.append(Skew(0.0, Source.ASSUMED))
    for place, guess in enumerate(guesses):
        if any(abs(guess.seconds - tried.seconds) < SAME_S for tried in guesses[:place]):
            continue
        soap.skew_s = guess.seconds
        try:
            told = await soap.call("devicemgmt", "GetDeviceInformation")
        except NotAllowed:
            continue
        if guess.source is Source.HTTP and not place:  # it tells its clock only to those who signed
            with contextlib.suppress(Refused, Garbled):
                guess = await _read(soap)  # noqa: PLW2901  # the same guess, read better
        return told, guess
    raise NotAllowed("the device does not accept the account, with its own time or with ours")


async def correct(soap: Soap, name: str, skew: Skew, wall: Wall) -> Skew:
    """Put the device's clock right, where that is needed and possible and ours is to be believed; gives its skew from then on."""
    if skew.source is not Source.DEVICE or abs(skew.seconds) <= WRONG_S or wall() is None:
        return skew
    try:
        told = await soap.call("devicemgmt", "GetSystemDateAndTime")
        with making_sense("dates"):
            kind, summer, zone = str(told.DateTimeType), bool(told.DaylightSavings), told.TimeZone
        if kind != "Manual":
            log.warning("%s: its clock is %+.0f s off and follows a time server of its own: not set", name, skew.seconds)
            return skew
        now = wall() or datetime.now(UTC)
        words: dict[str, object] = {
            "DateTimeType": "Manual",
            "DaylightSavings": summer,
            "UTCDateTime": {
                "Time": {"Hour": now.hour, "Minute": now.minute, "Second": now.second},
                "Date": {"Year": now.year, "Month": now.month, "Day": now.day},
            },
        }
        await soap.call("devicemgmt", "SetSystemDateAndTime", words | ({"TimeZone": zone} if zone is not None else {}))
        soap.skew_s = (now - datetime.now(UTC)).total_seconds()
        after = await _read(soap)
    except (Refused, Garbled) as error:
        log.warning("%s: its clock is %+.0f s off and could not be set: %s", name, skew.seconds, error)
        soap.skew_s = skew.seconds
        return skew
    log.info("%s: its clock was %+.0f s off and was set", name, skew.seconds)
    return after


async def _read(soap: Soap, *, signed: bool = True) -> Skew:
    """The device's time minus ours. Raises Garbled, Refused."""
    told = await soap.call("devicemgmt", "GetSystemDateAndTime", signed=signed)
    with making_sense("dates"):
        theirs = _utc(told)
    return Skew((theirs - datetime.now(UTC)).total_seconds(), Source.DEVICE)


def _utc(told: Any) -> datetime:  # noqa: ANN401  # zeep's type
    """The device's time. Where it tells none in UTC, or a day that is none: its local time, less its zone.

    Raises AttributeError, ValueError.
    """
    try:
        return _moment(told.UTCDateTime)
    except (AttributeError, ValueError):
        return _moment(told.LocalDateTime) - _ahead(str(told.TimeZone.TZ), summer=bool(told.DaylightSavings))


def _moment(told: Any) -> datetime:  # noqa: ANN401  # zeep's type
    # A device says 60 at a leap second, and some in every minute.
    date, time = told.Date, told.Time
    return datetime(date.Year, date.Month, date.Day, time.Hour, time.Minute, min(time.Second, 59), tzinfo=UTC)


def _ahead(zone: str, *, summer: bool) -> timedelta:
    """How far a POSIX time zone (`CST-8`, `<+08>-8`, `CET-1CEST`) is ahead of UTC: its sign is turned. Raises ValueError."""
    found = re.match(r"(?:<[^>]{1,16}>|[A-Za-z]{1,16})([+-]?)(\d{1,2})(?::(\d{2}))?(?::\d{2})?(.?)", zone)
    if found is None:
        raise ValueError("a time zone that is none")
    west = timedelta(hours=int(found[2]), minutes=int(found[3] or 0)) * (-1 if found[1] == "-" else 1)
    saving = summer and found[4].isalpha()
    return timedelta(hours=1 if saving else 0) - west
