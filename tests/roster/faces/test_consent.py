"""Whose face may be used: one line an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from edge.access.terms import Tenant
from edge.roster.faces.consent import Act, Why, may_use

TODAY = date(2026, 11, 23)
ACT = Act("north_in", datetime(2026, 11, 1, tzinfo=UTC), "1")
GROWN = date(1990, 1, 1)


@pytest.mark.parametrize(
    ("tenant", "act", "why"),
    [
        ({"face_consent": True, "birth_date": GROWN}, ACT, Why.MAY),
        ({"face_consent": True, "birth_date": GROWN, "consent_ref": "P-17"}, None, Why.MAY),
        ({"face_consent": True, "birth_date": GROWN}, None, Why.NO_ACT),
        ({"face_consent": False, "birth_date": GROWN}, ACT, Why.NO_CONSENT),
        ({"face_consent": False, "birth_date": GROWN, "consent_ref": "P-17"}, ACT, Why.NO_CONSENT),
        ({"face_consent": True}, ACT, Why.NO_GUARDIAN),
        ({"face_consent": True, "guardian_ref": "G-1"}, ACT, Why.MAY),
        ({"face_consent": True, "birth_date": date(2012, 11, 24)}, ACT, Why.NO_GUARDIAN),
        ({"face_consent": True, "birth_date": date(2012, 11, 23)}, ACT, Why.MAY),
        ({"face_consent": True, "birth_date": date(2012, 11, 24), "guardian_ref": "G-1"}, ACT, Why.MAY),
        ({"face_consent": True, "birth_date": date(2012, 2, 29)}, ACT, Why.MAY),
        ({"face_consent": True, "birth_date": GROWN, "valid_until": date(2026, 11, 22)}, ACT, Why.ENDED),
        ({"face_consent": True, "birth_date": GROWN, "valid_until": TODAY}, ACT, Why.MAY),
    ],
)
def test_who_may_be_matched(tenant: dict[str, object], act: Act | None, why: Why) -> None:
    """The sheet's claim, the resident's own act, age and guardian, and the tenancy."""
    assert may_use(Tenant("r", "t", "n", **tenant), act, TODAY) is why  # type: ignore[arg-type]
