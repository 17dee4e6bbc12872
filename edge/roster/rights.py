"""Who may pass less, or more, than before, and by which column: judged from a day on, so that what is over counts for nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from edge.access.rules import groups_of
from edge.access.terms import Card, Tenant, Visit

A_YEAR = timedelta(days=366)
"""Nobody registers a tenant longer ahead: a first day beyond it is a slip of the finger (2062 for 2026)."""


@dataclass(frozen=True, slots=True)
class Held:
    """The cards, the PIN's hash and the duress PIN's of one person."""

    cards: frozenset[Card] = frozenset()
    pin: bytes = b""
    duress: bytes = b""

    @property
    def any(self) -> bool:
        """Whether there is anything to pass with. A face is never the only way."""
        return bool(self.cards or self.pin)


@dataclass(frozen=True, slots=True)
class Changed:
    """The columns by which one person may pass less, and those by which they may pass more. Both empty: nothing is different at a door."""

    less: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


NOTHING = Changed()


def hindered(tenant: Tenant, held: Held, since: date) -> tuple[str, ...]:
    """The columns that keep somebody outside on every day from `since` on; none: there is a day on which they may pass."""
    columns = () if held.any else ("cards",)
    return columns + (() if (tenant.valid_until or date.max) >= since else ("valid_until",))


def shut_out(tenant: Tenant, held: Held, since: date, today: date | None, ruled: Collection[str] | None) -> tuple[str, ...]:
    """As `hindered`, of somebody new: also by a first day far ahead, and by groups that are not among those with a rule (`ruled`).

    `today` and `ruled` are None where they are not known.
    """
    late = today is not None and (tenant.valid_from or today) > today + A_YEAR
    nowhere = ruled is not None and groups_of(tenant).isdisjoint(ruled)
    return (*hindered(tenant, held, since), *(("valid_from",) if late else ()), *(("groups",) if nowhere else ()))


def changed(was: Tenant, now: Tenant, had: Held, has: Held, since: date, begun: date = date.min) -> Changed:
    """What the new row of a tenant takes and gives, from the day `since` on.

    Another card for one that is lost is no gain; the lost one is a loss, for a column read in another notation loses everybody's. First
    days up to `begun` had come when `was` came into force: to take them away gives nothing, also where no clock tells the day.
    """
    before, after = hindered(was, had, since), hindered(now, has, since)
    if before and after:
        return NOTHING
    if after:
        lost = [] if has.any else [name for name, one in (("cards", had.cards), ("pin", had.pin)) if one]
        return Changed(less=(*lost, *(column for column in after if column == "valid_until")))
    if before:
        got = [] if had.any else [name for name, one in (("cards", has.cards), ("pin", has.pin)) if one]
        return Changed(more=(*got, *(column for column in before if column == "valid_until")))
    first, first_now = max(was.valid_from or date.min, since), max(now.valid_from or date.min, since)
    last, last_now = was.valid_until or date.max, now.valid_until or date.max
    less = (
        ("valid_from", first_now > first),
        ("valid_until", last_now < last),
        ("cards", had.cards - has.cards),
        ("pin", had.pin and had.pin != has.pin),
        ("duress_pin", had.duress and had.duress != has.duress),
        ("groups", was.groups - now.groups),
        ("face_consent", was.face_consent and not now.face_consent),
    )
    more = (("valid_from", max(first_now, begun) < first), ("valid_until", last_now > last), ("groups", now.groups - was.groups))
    return Changed(tuple(name for name, lost in less if lost), tuple(name for name, got in more if got))


def changed_visit(was: tuple[Visit, Card | None], now: tuple[Visit, Card | None]) -> Changed:
    """The same of a visit."""
    (old, old_card), (new, card) = was, now
    times, times_now = (float("inf") if one.entries is None else one.entries for one in (old, new))
    less = (
        ("from", new.begins > old.begins),
        ("until", new.ends < old.ends),
        ("access_points", old.access_points - new.access_points),
        ("entries", times_now < times),
        ("card", old_card is not None and old_card != card),
    )
    more = (
        ("from", new.begins < old.begins),
        ("until", new.ends > old.ends),
        ("access_points", new.access_points - old.access_points),
        ("entries", times_now > times),
        ("card", old_card is None and card is not None),
    )
    return Changed(tuple(name for name, lost in less if lost), tuple(name for name, got in more if got))
