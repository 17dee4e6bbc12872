"""From drafts to the Book that doors decide by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

from edge.access.terms import Book, Card, Tenant, Visit
from edge.roster.diff import A_FIFTH
from edge.roster.drafts import Sheets
from edge.roster.identities import Refs
from edge.roster.pins import PinHash

T = TypeVar("T")

STRIDE = 200
"""Rows between two pauses: about 2 ms of work."""
BREATH_S = 0.0005
"""How long a pause is. A sleeping thread lets the loop run at once; a busy one keeps the interpreter for 5 ms at a time."""

EMPTY = Book(version="", loaded_at=datetime(1970, 1, 1, tzinfo=UTC))
"""In force while there has never been a roster: nobody is known, exits release as always."""


def numbers(sheets: Sheets) -> tuple[list[str], list[str]]:
    """Every tenant_id and every visit_id of the sheets."""
    return [draft.tenant.tenant_id for draft in sheets.tenants], [draft.visit.visit_id for draft in sheets.visits]


def assemble(sheets: Sheets, who: Refs, pin_hash: PinHash, loaded_at: datetime, breathe: Callable[[float], None] = time.sleep) -> Book:
    """The Book of sheets without faults. Meant for a thread: it pauses often."""
    refs, visit_refs = who
    tenants: dict[str, Tenant] = {}
    visits: dict[str, Visit] = {}
    cards: dict[Card, str] = {}
    pins: dict[bytes, str] = {}
    duress: dict[bytes, str] = {}
    for draft in paced(sheets.tenants, breathe):
        ref = refs[draft.tenant.tenant_id]
        tenants[ref] = replace(draft.tenant, ref=ref)
        for card in draft.cards:
            cards[card] = ref
        if draft.pin:
            pins[pin_hash(draft.pin)] = ref
        if draft.duress_pin:
            duress[pin_hash(draft.duress_pin)] = ref
    for visitor in paced(sheets.visits, breathe):
        ref = visit_refs[visitor.visit.visit_id]
        visits[ref] = replace(visitor.visit, ref=ref, host_ref=refs[visitor.visit.host_ref])
        if visitor.card:
            cards[visitor.card] = ref
    return Book(
        version=pin_hash.version(sheets.content),
        loaded_at=loaded_at,
        tenants=MappingProxyType(tenants),
        visits=MappingProxyType(visits),
        houses=MappingProxyType({house.house_code: house for house in sheets.houses}),
        cards=MappingProxyType(cards),
        pins=MappingProxyType(pins),
        duress=MappingProxyType(duress),
    )


def with_newcomers(old: Book, new: Book, version: str) -> Book | None:
    """The old book with those tenants of the new one who take nothing from anybody in it, while the rest of the change waits for an answer.

    Not where they are more than a fifth of the old ones: such a sheet may be another house's. None: there is nobody to add.
    """
    known = {tenant.tenant_id for tenant in old.tenants.values()}
    taken = {ref for card, ref in new.cards.items() if card in old.cards}
    codes = old.pins.keys() | old.duress.keys()
    taken |= {ref for pins in (new.pins, new.duress) for pin, ref in pins.items() if pin in codes}
    come = {ref: tenant for ref, tenant in new.tenants.items() if tenant.tenant_id not in known and ref not in taken}
    if not come or len(come) * A_FIFTH > len(known):
        return None
    return replace(
        old,
        version=version,
        loaded_at=new.loaded_at,
        tenants=MappingProxyType({**old.tenants, **come}),
        cards=MappingProxyType({**old.cards, **{card: ref for card, ref in new.cards.items() if ref in come}}),
        pins=MappingProxyType({**old.pins, **{pin: ref for pin, ref in new.pins.items() if ref in come}}),
        duress=MappingProxyType({**old.duress, **{pin: ref for pin, ref in new.duress.items() if ref in come}}),
    )


def paced(items: Iterable[T], breathe: Callable[[float], None]) -> Iterator[T]:
    """The items, with a pause after every STRIDE of them."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % STRIDE == 0:
            breathe(BREATH_S)
