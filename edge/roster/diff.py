"""What a new roster changes, for the manager: who comes, who goes, what is different. Numbers of tenants and names of columns only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from edge.access.terms import Book, Card, Tenant

A_FIFTH = 5
"""More than one in five gone is taken for a slip (a filtered sheet, a wrong file) until somebody says it is meant."""

_COLUMNS = {"unit_code": "unit"}
_COMPARED = tuple(spec.name for spec in fields(Tenant) if spec.name not in ("ref", "tenant_id"))


@dataclass(frozen=True, slots=True)
class Change:
    """A tenant whose row says something else now, and in which columns."""

    tenant_id: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """Tenants by tenant_id, in the order of their numbers. `stripped` are those changed ones who lose their last card and PIN."""

    before: int = 0
    after: int = 0
    added: tuple[str, ...] = field(default=(), repr=False)
    changed: tuple[Change, ...] = field(default=(), repr=False)
    removed: tuple[str, ...] = field(default=(), repr=False)
    stripped: tuple[str, ...] = field(default=(), repr=False)
    houses_changed: int = 0
    visits_changed: int = 0

    @property
    def needs_yes(self) -> bool:
        """Whether more than a fifth of those in force would be shut out: removed, or left without card and PIN (a lost column)."""
        return (len(self.removed) + len(self.stripped)) * A_FIFTH > self.before

    @property
    def empty(self) -> bool:
        """Whether nothing is different."""
        return not (self.added or self.changed or self.removed or self.houses_changed or self.visits_changed)


def compare(old: Book, new: Book) -> Diff:
    """What `new` changes in `old`. A tenancy is known by its tenant_id."""
    before = {tenant.tenant_id: tenant for tenant in old.tenants.values()}
    after = {tenant.tenant_id: tenant for tenant in new.tenants.values()}
    held_before, held_after = _held(old), _held(new)
    nothing: Held = (frozenset(), b"", b"")
    changed, stripped = [], []
    for tenant_id in sorted(before.keys() & after.keys()):
        was, now = before[tenant_id], after[tenant_id]
        columns = [_COLUMNS.get(name, name) for name in _COMPARED if getattr(was, name) != getattr(now, name)]
        had, has = held_before.get(was.ref, nothing), held_after.get(now.ref, nothing)
        columns += [name for name, one, other in zip(("cards", "pin", "duress_pin"), had, has, strict=True) if one != other]
        if columns:
            changed.append(Change(tenant_id, tuple(columns)))
        if (had[0] or had[1]) and not (has[0] or has[1]):
            stripped.append(tenant_id)
    return Diff(
        before=len(before),
        after=len(after),
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(changed),
        removed=tuple(sorted(before.keys() - after.keys())),
        stripped=tuple(stripped),
        houses_changed=_differing(old.houses, new.houses),
        visits_changed=_differing(_visits(old), _visits(new)),
    )


Held = tuple[frozenset[Card], bytes, bytes]


def _held(book: Book) -> dict[str, Held]:
    cards: dict[str, set[Card]] = {}
    for card, ref in book.cards.items():
        cards.setdefault(ref, set()).add(card)
    pins = {ref: pin for pin, ref in book.pins.items()}
    duress = {ref: pin for pin, ref in book.duress.items()}
    refs = cards.keys() | pins.keys() | duress.keys()
    return {ref: (frozenset(cards.get(ref, ())), pins.get(ref, b""), duress.get(ref, b"")) for ref in refs}


def _visits(book: Book) -> dict[str, object]:
    cards = {ref: card for card, ref in book.cards.items() if ref in book.visits}
    return {visit.visit_id: (visit, cards.get(ref)) for ref, visit in book.visits.items()}


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> int:
    return sum(1 for key in old.keys() | new.keys() if old.get(key) != new.get(key))
