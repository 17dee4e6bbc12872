"""What a new roster changes, for the manager: who comes, who goes, what is different. Numbers of tenants and names of columns only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from operator import attrgetter
from typing import Literal

from edge.access.terms import Book, Card, Tenant, Visit
from edge.roster.columns import ROSTER
from edge.roster.drafts import Sheets
from edge.roster.rights import Changed, Held, changed, changed_visit, shut_out

A_FIFTH = 5
"""More than one in five is taken for a slip (a filtered sheet, a wrong file, a lost column) until somebody says it is meant."""
A_SLIP = 2
"""From two on it may be one: what changes for a single person, visit or house is somebody's will. (A person removed is asked for alone.)"""

Kind = Literal["removed", "less", "more", "never", "left", "visits_removed", "visits_less", "visits_more", "houses_removed"]

_COLUMNS = {"unit_code": "unit"}
_COMPARED = tuple(spec.name for spec in fields(Tenant) if spec.name not in ("ref", "tenant_id"))


@dataclass(frozen=True, slots=True)
class Change:
    """A tenant whose row says something else now, and in which columns."""

    tenant_id: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody must say is meant: by `column`, `people` of `of` may pass less or more than before, or never (a first roster).

    `column` is a key of the sheet, empty where whole rows go; `heading` what the sheet calls it, empty where it has no such column. Of
    visits and houses `people` counts these.
    """

    kind: Kind
    column: str
    people: int
    of: int
    heading: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Diff:
    """Tenants by tenant_id, in the order of their numbers. `stripped` are those changed ones who lose their last card and PIN.

    `code` are the four digits that confirm exactly this change, where it is asked for.
    """

    before: int = 0
    after: int = 0
    added: tuple[str, ...] = field(default=(), repr=False)
    changed: tuple[Change, ...] = field(default=(), repr=False)
    removed: tuple[str, ...] = field(default=(), repr=False)
    stripped: tuple[str, ...] = field(default=(), repr=False)
    houses_changed: int = 0
    visits_changed: int = 0
    questions: tuple[Question, ...] = ()
    code: str = ""

    @property
    def needs_yes(self) -> bool:
        """Whether somebody must say that it is meant: more than a fifth would go, or may pass less or more than before."""
        return bool(self.questions)

    @property
    def empty(self) -> bool:
        """Whether nothing is different."""
        return not (self.added or self.changed or self.removed or self.houses_changed or self.visits_changed)


def compare(
    old: Book,
    new: Book,
    since: date = date.min,
    today: date | None = None,
    ruled: Collection[str] | None = None,
    said: Sheets | None = None,
) -> Diff:
    """What `new` changes in `old`. A tenancy is known by its tenant_id. What had ended before the day `since` counts for nothing.

    `ruled`: the groups that some access rule names. That and `today` are None where they are not known. `said`: the sheets of `new`.
    """
    before = {tenant.tenant_id: tenant for tenant in old.tenants.values()}
    after = {tenant.tenant_id: tenant for tenant in new.tenants.values()}
    held_before, held_after = _held(old), _held(new)
    nothing = Held()
    headings = said.headings if said else {}
    there = headings.get("roster")
    lost = {column.key: 1 for column in ROSTER if column.key not in there} if there else {}
    lost = dict.fromkeys(_emptied(new, held_after), A_SLIP) | lost
    differing, stripped, rights = [], [], []
    for tenant_id in sorted(before.keys() & after.keys()):
        was, now = before[tenant_id], after[tenant_id]
        columns = [_COLUMNS.get(name, name) for name in _COMPARED if getattr(was, name) != getattr(now, name)]
        had, has = held_before.get(was.ref, nothing), held_after.get(now.ref, nothing)
        pairs = (("cards", had.cards, has.cards), ("pin", had.pin, has.pin), ("duress_pin", had.duress, has.duress))
        columns += [name for name, one, other in pairs if one != other]
        if columns:
            differing.append(Change(tenant_id, tuple(columns)))
            rights.append(changed(was, now, had, has, since, old.loaded_at.date()))
        if had.any and not has.any:
            stripped.append(tenant_id)
    removed = tuple(sorted(before.keys() - after.keys()))
    if before:
        questions = [
            *_asked(len(removed), len(stripped), rights, len(before), lost=lost),
            *_asked_of_visits(old, new, since),
            *_asked_of_houses(old, new),
        ]
    else:
        questions = _asked_first(
            [shut_out(tenant, held_after.get(ref, nothing), since, today, ruled) for ref, tenant in new.tenants.items()]
        )
    questions += _asked_of_leaving(said, after, held_after, today) if said else []
    return Diff(
        before=len(before),
        after=len(after),
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(differing),
        removed=removed,
        stripped=tuple(stripped),
        houses_changed=_differing(old.houses, new.houses),
        visits_changed=_differing(_visits(old), _visits(new)),
        questions=tuple(one if one.heading else replace(one, heading=_heading(one, headings)) for one in questions),
    )


def _emptied(book: Book, held: Mapping[str, Held]) -> Iterable[str]:
    """The columns in which nobody has anything: a whole column was cleared, or there never was any of it."""
    people = [held[ref] for ref in book.tenants if ref in held]
    if not any(tenant.valid_until for tenant in book.tenants.values()):
        yield "valid_until"
    if not any(one.cards for one in people):
        yield "cards"
    if not any(one.pin for one in people):
        yield "pin"


def _heading(asked: Question, headings: Mapping[str, Mapping[str, str]]) -> str:
    return headings.get("visitors" if asked.kind.startswith("visits") else "roster", {}).get(asked.column, "")


def _asked(
    removed: int, stripped: int, rights: list[Changed], of: int, *, lost: Mapping[str, int] | None = None, visits: bool = False
) -> list[Question]:
    """The questions where more than a fifth of `of` go or may pass less, and where so many may pass more.

    What follows from a column that is `lost` is nobody's will for one person: it is asked for from so many people on.
    """
    fewer, greater = removed + sum(1 for one in rights if one.less), sum(1 for one in rights if one.more)
    less, more = (Counter(name for one in rights for name in names(one)) for names in (attrgetter("less"), attrgetter("more")))
    many_less = (fewer * A_FIFTH > of and fewer >= A_SLIP) or (removed + stripped) * A_FIFTH > of
    many_more = greater * A_FIFTH > of and greater >= A_SLIP
    asked = [Question("visits_removed" if visits else "removed", "", removed, of)] if removed and many_less else []
    fewer_kind: Kind = "visits_less" if visits else "less"
    greater_kind: Kind = "visits_more" if visits else "more"
    for kind, counts, many in ((fewer_kind, less, many_less), (greater_kind, more, many_more)):
        asked += [
            Question(kind, name, count, of)
            for name, count in counts.most_common()
            if many or (lost and name in lost and count >= lost[name])
        ]
    return asked


def _asked_first(hindrances: list[tuple[str, ...]]) -> list[Question]:
    """A first roster has no before: it is asked for where a fifth of its people or more could never pass."""
    if sum(map(bool, hindrances)) * A_FIFTH < len(hindrances) or sum(map(bool, hindrances)) < A_SLIP:
        return []
    columns = Counter(name for names in hindrances for name in names)
    return [Question("never", name, count, len(hindrances)) for name, count in columns.most_common()]


def _asked_of_leaving(said: Sheets, after: Mapping[str, Tenant], held: Mapping[str, Held], today: date | None) -> list[Question]:
    """A column that nothing reads says of people who may still pass that they have left, or until when they stay."""

    def stays(tenant_id: str, day: date | bool) -> bool:
        tenant = after.get(tenant_id)
        if tenant is None or tenant.ref not in held:
            return False
        last = tenant.valid_until or date.max
        if isinstance(day, date):
            return last > day and (today is None or day < today or last == date.max)
        return last == date.max or (today is not None and last >= today)

    counts = ((column.heading, sum(stays(*one) for one in column.people)) for column in said.leaving)
    return [Question("left", "valid_until", people, len(after), heading) for heading, people in counts if people]


def _asked_of_visits(old: Book, new: Book, since: date) -> list[Question]:
    before, after = ({key: one for key, one in _visits(book).items() if one[0].ends.date() >= since} for book in (old, new))
    rights = [changed_visit(before[key], after[key]) for key in before.keys() & after.keys()]
    gone = len(before.keys() - after.keys())
    return _asked(gone if gone >= A_SLIP else 0, 0, rights, len(before), visits=True)


def _asked_of_houses(old: Book, new: Book) -> list[Question]:
    gone = len(old.houses.keys() - new.houses.keys())
    return [Question("houses_removed", "", gone, len(old.houses))] if gone * A_FIFTH > len(old.houses) and gone >= A_SLIP else []


def _held(book: Book) -> dict[str, Held]:
    cards: dict[str, set[Card]] = {}
    for card, ref in book.cards.items():
        cards.setdefault(ref, set()).add(card)
    pins = {ref: pin for pin, ref in book.pins.items()}
    duress = {ref: pin for pin, ref in book.duress.items()}
    refs = cards.keys() | pins.keys() | duress.keys()
    return {ref: Held(frozenset(cards.get(ref, ())), pins.get(ref, b""), duress.get(ref, b"")) for ref in refs}


def _visits(book: Book) -> dict[str, tuple[Visit, Card | None]]:
    cards = {ref: card for card, ref in book.cards.items() if ref in book.visits}
    return {visit.visit_id: (visit, cards.get(ref)) for ref, visit in book.visits.items()}


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> int:
    return sum(1 for key in old.keys() | new.keys() if old.get(key) != new.get(key))
