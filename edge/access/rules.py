"""The access rules in force: which groups may pass which access points, when. An immutable snapshot, made from site.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from types import MappingProxyType

from edge.access.schedule import ALWAYS, Schedule
from edge.access.terms import Direction, PersonKind, Tenant


class Mode(StrEnum):
    """How a door behaves now. Fire goes before everything; what a guard set goes before the schedule."""

    NORMAL = "normal"
    LOCK_DOWN = "lock_down"
    LOCKED_OPEN = "locked_open"
    FIRE = "fire"

    @property
    def held(self) -> bool:
        """Whether the lock stays released."""
        return self in {Mode.LOCKED_OPEN, Mode.FIRE}


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """One direction of one door."""

    name: str
    door: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class AccessRule:
    """These groups may pass these access points while the schedule holds."""

    groups: frozenset[str]
    access_points: frozenset[str]
    schedule: Schedule = ALWAYS


@dataclass(frozen=True, slots=True)
class PinLimits:
    """How many wrong PINs one entry takes before its PINs rest."""

    max_wrong: int = 5
    within_s: float = 600.0  # longer than the rest, so that guessing on after it meets the next rest at once
    rest_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything `decide` asks of the settings."""

    access_points: Mapping[str, AccessPoint]
    rules: tuple[AccessRule, ...] = ()
    tz: tzinfo = UTC
    pins: PinLimits = PinLimits()
    at: Mapping[str, tuple[AccessRule, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """The rules of each access point; filled by `rules_of`, so that a decision looks at no other."""


def rules_of(access_points: Iterable[AccessPoint], rules: Iterable[AccessRule], tz: tzinfo = UTC, pins: PinLimits | None = None) -> Rules:
    """Put rules in force for a site in time zone `tz`."""
    points = MappingProxyType({point.name: point for point in access_points})
    all_rules = tuple(rules)
    at = MappingProxyType({name: tuple(rule for rule in all_rules if name in rule.access_points) for name in points})
    return Rules(points, all_rules, tz, pins or PinLimits(), at)


KIND_GROUP: Mapping[PersonKind, str] = MappingProxyType(
    {PersonKind.RESIDENT: "residents", PersonKind.STAFF: "staff", PersonKind.GUARD: "guards"}
)


def groups_of(tenant: Tenant) -> frozenset[str]:
    """The groups of a person: their own, or the one of their kind where the roster gives none.

    Naming groups narrows: who is given a building of their own no longer belongs to all residents.
    """
    return tenant.groups or frozenset((KIND_GROUP[tenant.kind],) if tenant.kind in KIND_GROUP else ())
