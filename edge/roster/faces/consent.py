"""May this tenant's face be used? A pure answer, asked at enrolment and again whenever the roster or the day changes.

The sheet's `face_consent` is the manager's claim. What counts is the resident's own act: their card presented at enrolment after the
notice, or a paper they signed (`consent_ref`). A child under fourteen, or somebody of unknown age, needs a guardian's paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from edge.access.terms import Book, Tenant
from edge.clock import Moment, Trust

OF_AGE = 14  # years, from which a person consents themselves (人脸识别技术应用安全管理办法, article 7)


class Why(StrEnum):
    """Why a face may or may not be used."""

    MAY = "may"
    NO_CONSENT = "no_consent"  # the sheet does not even claim it, or it was withdrawn
    NO_OTHER_WAY = "no_other_way"  # neither card nor PIN: a face would be the only way in (same rules, article 10)
    NO_ACT = "no_act"  # claimed, but the resident has done nothing themselves
    NO_GUARDIAN = "no_guardian"  # under fourteen or of unknown age
    ENDED = "ended"  # the tenancy is over


@dataclass(frozen=True, slots=True)
class Act:
    """The resident's own act: their card at a reader, at a time, after a notice of this version."""

    access_point: str
    at: datetime
    notice: str


@dataclass(frozen=True, slots=True)
class Day:
    """The calendar day that consent is judged by. `sure`: whether it may end a tenancy; a clock that was never believed ends none."""

    today: date
    sure: bool = True

    @classmethod
    def of(cls, now: Moment, zone: tzinfo) -> Day:
        """The day of a moment: while its clock is not believed, that which has certainly come."""
        if now.trust is not Trust.UNTRUSTED:
            return cls(now.at.astimezone(zone).date())
        certain = now.certain or now.last_trusted
        return cls((certain or now.at).astimezone(zone).date(), sure=certain is not None)


def with_other_way(book: Book) -> frozenset[str]:
    """Who has a card or a PIN, by person_ref."""
    return frozenset(book.cards.values()) | frozenset(book.pins.values())


def may_use(tenant: Tenant, act: Act | None, day: Day, *, other_way: bool) -> Why:
    """Whether this tenant's face may be enrolled and matched on this day. `other_way`: whether they have a card or a PIN."""
    if ended(tenant, day):
        return Why.ENDED
    if not tenant.face_consent:
        return Why.NO_CONSENT
    if not other_way:
        return Why.NO_OTHER_WAY
    if not _of_age(tenant.birth_date, day.today) and not tenant.guardian_ref:
        return Why.NO_GUARDIAN
    if act is None and not tenant.consent_ref:
        return Why.NO_ACT
    return Why.MAY


def ended(tenant: Tenant, day: Day, days: int = 0) -> bool:
    """Whether the tenancy is known to have been over for more than so many days."""
    return day.sure and tenant.valid_until is not None and (day.today - tenant.valid_until).days > days


def _of_age(born: date | None, today: date) -> bool:
    if born is None:
        return False
    return (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) >= OF_AGE
