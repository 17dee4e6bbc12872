"""May this tenant's face be used? A pure answer, asked at enrolment and again whenever the roster or the day changes.

The sheet's `face_consent` is the manager's claim. What counts is the resident's own act: their card presented at enrolment after the
notice, or a paper they signed (`consent_ref`). A child under fourteen, or somebody of unknown age, needs a guardian's paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from edge.access.terms import Tenant

OF_AGE = 14  # years, from which a person consents themselves (人脸识别技术应用安全管理办法, article 7)


class Why(StrEnum):
    """Why a face may or may not be used."""

    MAY = "may"
    NO_CONSENT = "no_consent"  # the sheet does not even claim it, or it was withdrawn
    NO_ACT = "no_act"  # claimed, but the resident has done nothing themselves
    NO_GUARDIAN = "no_guardian"  # under fourteen or of unknown age
    ENDED = "ended"  # the tenancy is over


@dataclass(frozen=True, slots=True)
class Act:
    """The resident's own act: their card at a reader, at a time, after a notice of this version."""

    access_point: str
    at: datetime
    notice: str


def may_use(tenant: Tenant, act: Act | None, today: date) -> Why:
    """Whether this tenant's face may be enrolled and matched on this day."""
    if tenant.valid_until is not None and today > tenant.valid_until:
        return Why.ENDED
    if not tenant.face_consent:
        return Why.NO_CONSENT
    if not _of_age(tenant.birth_date, today) and not tenant.guardian_ref:
        return Why.NO_GUARDIAN
    if act is None and not tenant.consent_ref:
        return Why.NO_ACT
    return Why.MAY


def _of_age(born: date | None, today: date) -> bool:
    if born is None:
        return False
    return (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) >= OF_AGE
