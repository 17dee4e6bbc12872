"""Who may pass an access point at a time: the same decision as at the door, asked once for everybody in the book."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from edge.access.decision import decide
from edge.access.request import CardShown, Request
from edge.access.rules import Rules
from edge.access.state import State
from edge.access.terms import Book, Card, Tenant
from edge.clock import Moment, Trust
from edge.roster.masks import shown_id


def who_may(access_point: str, book: Book, rules: Rules, now: Moment, at: datetime | None = None) -> list[dict[str, object]]:
    """Everybody of the book with the answer they would get, those who may first. A time without a zone is the site's own.

    Modes, visits used up and PINs at rest are those of the moment at a door and are left out.
    """
    if at is not None:
        at = at if at.tzinfo else at.replace(tzinfo=rules.tz)
        now = Moment(at, now.mono, Trust.SYNCED, at)
    refs = [*book.tenants, *book.visits]
    # One made-up card each: whom the roster gives no card is asked about all the same. No card has 0 bits.
    everybody = replace(book, cards=MappingProxyType({Card(0, number): ref for number, ref in enumerate(refs)}))
    out: list[dict[str, object]] = []
    for number, ref in enumerate(refs):
        decision = decide(Request(access_point, CardShown(Card(0, number))), everybody, rules, State(), now)
        person = book.tenants.get(ref) or book.visits[ref]
        out.append(
            {
                "may": decision.granted,
                "reason": decision.reason.value,
                "kind": decision.person_kind.value,
                "id": shown_id(person.tenant_id if isinstance(person, Tenant) else person.visit_id),
                "name": person.name,
                "room": person.room if isinstance(person, Tenant) else "",
            }
        )
    return sorted(out, key=lambda row: f"{not row['may']:d} {row['reason']} {row['id']}")
