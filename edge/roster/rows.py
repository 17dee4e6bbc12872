"""The rows of roster.csv or .xlsx, one tenant each, every fault collected."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from edge.access.terms import Card, House, PermitKind, PersonKind, Tenant
from edge.roster import cards, cells
from edge.roster.cells import Wrong
from edge.roster.drafts import TenantDraft
from edge.roster.faults import Notes, Place
from edge.roster.masks import Cell, shape, shown_word
from edge.roster.settings import RosterSettings
from edge.roster.sheet import Sheet
from edge.roster.table import Row

T = TypeVar("T")

NUMBER = 64
"""Characters of a tenant_id, a house code or another number: twice the longest official code (32)."""
NAME = 100
"""Characters of a name; the longest in ordinary use have about 40."""

_KINDS = {
    "resident": PersonKind.RESIDENT, "tenant": PersonKind.RESIDENT, "住户": PersonKind.RESIDENT, "居民": PersonKind.RESIDENT,
    "租户": PersonKind.RESIDENT, "租客": PersonKind.RESIDENT, "staff": PersonKind.STAFF, "employee": PersonKind.STAFF,
    "员工": PersonKind.STAFF, "工作人员": PersonKind.STAFF, "guard": PersonKind.GUARD, "保安": PersonKind.GUARD,
    "门卫": PersonKind.GUARD, "安保": PersonKind.GUARD,
}  # fmt: skip
_PERMITS = {
    "permit": PermitKind.PERMIT, "有": PermitKind.PERMIT, "居住证": PermitKind.PERMIT, "yes": PermitKind.PERMIT, "y": PermitKind.PERMIT,
    "none": PermitKind.NONE, "无": PermitKind.NONE, "没有": PermitKind.NONE, "no": PermitKind.NONE, "n": PermitKind.NONE,
    "not_eligible": PermitKind.NOT_ELIGIBLE, "not eligible": PermitKind.NOT_ELIGIBLE, "不适用": PermitKind.NOT_ELIGIBLE,
    "不需要": PermitKind.NOT_ELIGIBLE, "本市户籍": PermitKind.NOT_ELIGIBLE, "unknown": PermitKind.UNKNOWN, "未知": PermitKind.UNKNOWN,
    "不详": PermitKind.UNKNOWN,
}  # fmt: skip
_GROUPS = {"住户": "residents", "居民": "residents", "员工": "staff", "保安": "guards"}
_GROUP = re.compile(r"[a-z0-9_]{1,32}")
_BAD_ID = re.compile(r"[/\\]|^\.")  # photos lie in a folder of this name
_EASY = frozenset({"123456", "654321", "112233", "123123", "121212", "123321", "12345678", "88888888", "66666666"})


Where = tuple[str, int]
"""File and row."""


@dataclass(slots=True)
class Taken:
    """Which numbers are given out already, over all sheets, and where."""

    ids: dict[str, Where] = field(default_factory=dict)
    cards: dict[Card, Where] = field(default_factory=dict)
    pins: dict[str, Where] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)


def read_tenants(
    sheet: Sheet, settings: RosterSettings, houses: Mapping[str, House] | None, groups: Collection[str] | None, taken: Taken, notes: Notes
) -> list[TenantDraft]:
    """One draft a row. `houses` is None where there is no houses sheet, `groups` where the access rules are not known.

    A row with a fault still gives a draft, so that later rows can be checked against it; faults forbid applying all of them anyway.
    """
    written = []
    for heading in sheet.card_columns:
        how = cards.written(heading.bracket, settings)
        if how is None:
            notes.fault("card_heading", Place(sheet.table.file, heading=heading.text))
        else:
            written.append((heading, how))
    words = {word.casefold(): group for word, group in settings.groups.items()}
    drafts = []
    for row in sheet:
        tenant = _tenant(sheet, row, settings, words, houses, notes)
        if tenant.tenant_id and not once(taken.ids, tenant.tenant_id, sheet.where(row)):
            note_twice("id_twice", sheet.place(row, "tenant_id"), taken.ids[tenant.tenant_id], notes)
        _remark(sheet, row, tenant, houses, groups, taken, notes)
        held: dict[Card, None] = {}
        for heading, how in written:
            none: list[Card] = []
            for card in sheet.under(row, heading, partial(cards.cards, how=how), none):
                if card not in held and not once(taken.cards, card, sheet.where(row)):
                    note_twice("card_twice", sheet.table.at(row, heading), taken.cards[card], notes)
                held[card] = None
        pin, duress = (_own_pin(sheet, row, key, taken, notes) for key in ("pin", "duress_pin"))
        if not held and not pin:
            notes.remark("face_only" if tenant.face_consent else "no_credential", sheet.place(row, "tenant_id"))
        elif tenant.face_consent and tenant.birth_date is None and not tenant.guardian_ref:
            notes.remark("face_no_birth", sheet.place(row, "face_consent"))
        drafts.append(TenantDraft(tenant, tuple(held), pin, duress))
    if not drafts:
        notes.remark("no_people", Place(sheet.table.file))
    return drafts


def _tenant(
    sheet: Sheet, row: Row, settings: RosterSettings, words: Mapping[str, str], houses: Mapping[str, House] | None, notes: Notes
) -> Tenant:
    def get_text(key: str, limit: int = NAME) -> str:
        return sheet.value(row, key, lambda cell: cells.text(cell, limit), "")

    def get_code(key: str) -> str:
        return sheet.value(row, key, lambda cell: cells.code(cell, NUMBER), "")

    def get_paper(key: str) -> str:
        return sheet.value(row, key, lambda cell: cells.paper(cell, NAME), "")

    kind = sheet.value(row, "kind", lambda cell: cells.choice(cell, _KINDS, "kind", PersonKind.RESIDENT), PersonKind.RESIDENT)
    permit_no, permit_until = get_code("permit_no"), sheet.value(row, "permit_until", cells.private(cells.last_day), None)
    # a number or a date in a sheet without the kind is a permit all the same
    usual = PermitKind.PERMIT if permit_no or permit_until else PermitKind.UNKNOWN
    house_code, unit = get_code("house_code"), get_text("unit")
    if not unit and houses and house_code in houses:
        unit = houses[house_code].unit_code
    valid_from, valid_until = sheet.value(row, "valid_from", cells.day, None), sheet.value(row, "valid_until", cells.last_day, None)
    if valid_from and valid_until and valid_until < valid_from:
        notes.fault("dates_reversed", sheet.place(row, "valid_until"), other=sheet.heading("valid_from"))
    return Tenant(
        ref="",
        tenant_id=sheet.value(row, "tenant_id", _tenant_id, ""),
        name=sheet.value(row, "name", _name, ""),
        kind=kind,
        groups=sheet.value(row, "groups", lambda cell: _groups(cell, words), frozenset())
        or frozenset(settings.default_groups.get(kind, ())),
        valid_from=valid_from,
        valid_until=valid_until,
        house_code=house_code,
        room=get_text("room", NUMBER),
        unit_code=unit,
        permit_kind=sheet.value(row, "permit_kind", lambda cell: cells.choice(cell, _PERMITS, "permit_kind", usual), usual),
        permit_no=permit_no,
        permit_until=permit_until,
        birth_date=sheet.value(row, "birth_date", cells.private(cells.day), None),
        face_consent=sheet.value(row, "face_consent", cells.yes_no, otherwise=False),
        consent_ref=get_paper("consent_ref"),
        guardian_ref=get_paper("guardian_ref"),
        phone=get_code("phone"),
        extended_time=sheet.value(row, "extended_time", cells.yes_no, otherwise=False),
    )


def _tenant_id(cell: Cell) -> str:
    out = cells.code(cell, NUMBER)
    if not out:
        raise Wrong("empty")
    if _BAD_ID.search(out):
        raise Wrong("tenant_id", shape(cell))
    return out


def _name(cell: Cell) -> str:
    out = cells.text(cell, NAME)
    if not out:
        raise Wrong("empty")
    return out


def _groups(cell: Cell, words: Mapping[str, str]) -> frozenset[str]:
    groups = set()
    for word in cells.several(cell, 1000):
        group = words.get(word.casefold()) or _GROUPS.get(word) or word
        if not _GROUP.fullmatch(group):
            raise Wrong("group", shown_word(word, {*words, *_GROUPS}))
        groups.add(group)
    return frozenset(groups)


def _pin(cell: Cell) -> str:
    if cells.is_nothing(cell):
        return ""
    if isinstance(cell, float):
        raise Wrong("pin_number", shape(cell))
    out = cells.code(cell, 100)
    if out and not (out.isascii() and out.isdigit() and 6 <= len(out) <= 16):  # a keypad sends 16 digits at most
        raise Wrong("pin_digits", shape(out))
    return out


def once(taken: dict[T, Where], what: T, where: Where) -> bool:
    """Take a number for a row; False if another row has it already."""
    return taken.setdefault(what, where) is where


def note_twice(code: str, place: Place, first: Where, notes: Notes) -> None:
    """Note that a number stands in two rows."""
    notes.fault(code, place, file=first[0], row=first[1])


def _own_pin(sheet: Sheet, row: Row, key: str, taken: Taken, notes: Notes) -> str:
    pin = sheet.value(row, key, _pin, "")
    if not pin:
        return ""
    if not once(taken.pins, pin, sheet.where(row)):
        note_twice("pin_twice", sheet.place(row, key), taken.pins[pin], notes)
    elif pin in _EASY or len(set(pin)) == 1:
        notes.remark("pin_easy", sheet.place(row, key))
    return pin


def _remark(
    sheet: Sheet, row: Row, tenant: Tenant, houses: Mapping[str, House] | None, groups: Collection[str] | None, taken: Taken, notes: Notes
) -> None:
    if houses is not None and tenant.house_code and tenant.house_code not in houses:
        notes.remark("house_unknown", sheet.place(row, "house_code"))
    if groups is not None:
        for group in sorted(tenant.groups - taken.groups - set(groups)):
            notes.remark("group_unruled", sheet.place(row, "groups"), shown_word(group, {*groups, *_GROUPS.values()}))
        taken.groups |= tenant.groups
    if tenant.permit_no and not tenant.permit_until and tenant.permit_kind is PermitKind.PERMIT:
        notes.remark("permit_no_date", sheet.place(row, "permit_no"))
