"""Whose face may be used: one line an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from edge.access.terms import Tenant
from edge.clock import Moment, Trust
from edge.roster.faces.consent import Act, Day, Why, may_use

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
    assert may_use(Tenant("r", "t", "n", **tenant), act, Day(TODAY), other_way=True) is why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trust", "last_trusted", "certain", "day"),
    [
        (Trust.SYNCED, None, None, Day(date(2026, 11, 24))),
        (Trust.HOLDOVER, datetime(2026, 11, 1, tzinfo=UTC), None, Day(date(2026, 11, 24))),
        (Trust.UNTRUSTED, datetime(2026, 11, 1, 20, tzinfo=UTC), None, Day(date(2026, 11, 2))),
        (Trust.UNTRUSTED, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, 20, tzinfo=UTC), Day(date(2026, 11, 21))),
        (Trust.UNTRUSTED, None, None, Day(date(2026, 11, 24), sure=False)),
    ],
)
def test_the_day_is_the_sites_and_only_as_sure_as_the_clock(
    trust: Trust, last_trusted: datetime | None, certain: datetime | None, day: Day
) -> None:
    """Past midnight in Shanghai is tomorrow there; a clock that is not believed counts the time that certainly passed, or ends nothing."""
    now = Moment(datetime(2026, 11, 23, 16, 30, tzinfo=UTC), 0.0, trust, last_trusted, certain)
    assert Day.of(now, ZoneInfo("Asia/Shanghai")) == day


def test_an_unsure_day_ends_nothing() -> None:
    """While nothing is known of the time, a tenancy that seems over is not; a day later than its end it is, when known."""
    tenant = Tenant("r", "t", "n", face_consent=True, birth_date=GROWN, consent_ref="P-1", valid_until=date(2026, 11, 1))
    assert may_use(tenant, None, Day(TODAY, sure=False), other_way=True) is Why.MAY
    assert may_use(tenant, None, Day(TODAY), other_way=True) is Why.ENDED


def test_a_face_is_no_only_way_in() -> None:
    """Neither act nor paper helps who has no card and no PIN."""
    tenant = Tenant("r", "t", "n", face_consent=True, birth_date=GROWN, consent_ref="P-1")
    assert may_use(tenant, ACT, Day(TODAY), other_way=False) is Why.NO_OTHER_WAY
