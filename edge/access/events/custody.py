"""People's data: what was looked at and why, whose face was taken with their consent, and what was forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from edge.access.events.base import Event
from edge.access.reasons import ViewReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyViewed(Event):
    """Somebody took out the roster, or listened to card numbers as they are read."""

    CLASS: ClassVar[str] = "custody"
    NAME: ClassVar[str] = "viewed"

    subject: Literal["roster", "readings"]
    reason: ViewReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyConsented(Event):
    """A resident's face became a template, by their own card after this version of the notice, or by a paper they had signed."""

    CLASS: ClassVar[str] = "custody"
    NAME: ClassVar[str] = "consented"

    person_ref: str | None = None
    consent: Literal["card", "paper"]
    notice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyForgotten(Event):
    """A resident was forgotten. It does not say who: whether there was a template, how many files went, and how many could not be."""

    CLASS: ClassVar[str] = "custody"
    NAME: ClassVar[str] = "forgotten"

    template: bool
    photos: int
    left: int
