"""The words of access control as frozen values (ONVIF and IEC 60839-11 terms; the Chinese is in docs/glossary.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType


class Direction(StrEnum):
    """Which way an access point leads."""

    IN = "in"
    OUT = "out"


class Method(StrEnum):
    """How somebody asked to pass."""

    CARD = "card"
    PIN = "pin"
    FACE = "face"
    QR = "qr"
    GUARD = "guard"
    REX = "rex"


class PersonKind(StrEnum):
    """Who somebody is to this house."""

    RESIDENT = "resident"
    STAFF = "staff"
    GUARD = "guard"
    VISITOR = "visitor"
    UNKNOWN = "unknown"


class PermitKind(StrEnum):
    """What the roster knows of a residence permit (居住证). Only `permit` can ever expire."""

    PERMIT = "permit"
    NONE = "none"
    NOT_ELIGIBLE = "not_eligible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Card:
    """A card as (bits, value): the Wiegand length and the payload without parity. The value never appears in a repr."""

    bits: int
    value: int = field(repr=False)


CODE_BITS = 256  # no Wiegand word is so long


def code_card(text: str) -> Card:
    """The text of a QR code as the book knows it: a card whose value is the SHA-256 of the text, its spaces taken out.

    A sheet's cells lose their spaces, and a text of any length becomes one number; see docs/decisions/0011-a-code-is-a-card.md.
    """
    return Card(CODE_BITS, int.from_bytes(hashlib.sha256("".join(text.split()).encode()).digest(), "big"))


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenancy, or one member of staff. `ref` is the random person_ref; registry fields never leave by an event body.

    Dates are inclusive calendar days in the site's time zone; None means unbounded.
    """

    ref: str
    tenant_id: str = field(repr=False)
    name: str = field(repr=False)
    kind: PersonKind = PersonKind.RESIDENT
    groups: frozenset[str] = frozenset()
    valid_from: date | None = None
    valid_until: date | None = None
    house_code: str = field(default="", repr=False)
    room: str = field(default="", repr=False)
    unit_code: str = field(default="", repr=False)
    permit_kind: PermitKind = PermitKind.UNKNOWN
    permit_no: str = field(default="", repr=False)
    permit_until: date | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)
    face_consent: bool = False
    consent_ref: str = field(default="", repr=False)
    guardian_ref: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    extended_time: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor's pass: exact moments, named access points, a number of entries (None = any)."""

    ref: str
    visit_id: str = field(repr=False)
    name: str = field(repr=False)
    host_ref: str
    access_points: frozenset[str]
    begins: datetime
    ends: datetime
    entries: int | None = None


@dataclass(frozen=True, slots=True)
class House:
    """A registered house (房屋): its code, who lets it, and how many may live there."""

    house_code: str
    letting_class: str = ""
    unit_code: str = ""
    rooms: int | None = None
    capacity: int | None = None
    verified_on: date | None = None
    verified_by: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Book:
    """The roster in force: an immutable snapshot, swapped whole.

    `cards` and `pins` lead to a person_ref found in `tenants` or `visits`; `pins` is keyed by the keyed hash of the PIN (never the PIN),
    and `duress` holds the hashes of duress PINs. `version` is a hash of the source's content; `loaded_at` the wall time it came into force.
    """

    version: str
    loaded_at: datetime
    tenants: Mapping[str, Tenant] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    visits: Mapping[str, Visit] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    houses: Mapping[str, House] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    cards: Mapping[Card, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    pins: Mapping[bytes, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    duress: Mapping[bytes, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
