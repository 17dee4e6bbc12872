"""Tenants, houses, visits and faults as plain JSON lists: between the reading process and the daemon, and in the kept rosters.

Lists follow the order of the dataclass fields; a new field goes to the end of its list and raises folder.READER.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

from edge.access.terms import Card, House, PermitKind, PersonKind, Tenant, Visit
from edge.roster.drafts import Leaving, TenantDraft, VisitDraft
from edge.roster.faults import Fault, Place, Shown

Packed = list[Any]
"""What json.loads gives for a list; its shape is fixed by the packing function beside each unpacking one."""


def line(value: object) -> bytes:
    """One line of JSON, without the line feed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def pack_one(tenant: Tenant) -> Packed:
    """A tenant."""
    return [
        tenant.ref,
        tenant.tenant_id,
        tenant.name,
        tenant.kind.value,
        sorted(tenant.groups),
        _iso(tenant.valid_from),
        _iso(tenant.valid_until),
        tenant.house_code,
        tenant.room,
        tenant.unit_code,
        tenant.permit_kind.value,
        tenant.permit_no,
        _iso(tenant.permit_until),
        _iso(tenant.birth_date),
        tenant.face_consent,
        tenant.consent_ref,
        tenant.guardian_ref,
        tenant.phone,
        tenant.extended_time,
    ]


def unpack_one(packed: Packed, ref: str | None = None) -> Tenant:
    """The tenant again, with `ref` instead of its own if given."""
    (
        own,
        tenant_id,
        name,
        kind,
        groups,
        since,
        until,
        house,
        room,
        unit,
        permit,
        number,
        expires,
        born,
        face,
        paper,
        guardian,
        phone,
        slow,
    ) = packed
    return Tenant(
        ref if ref is not None else own, tenant_id, name, PersonKind(kind), frozenset(groups), _day(since), _day(until), house, room, unit,
        PermitKind(permit), number, _day(expires), _day(born), face, paper, guardian, phone, slow,
    )  # fmt: skip


def pack_tenant(draft: TenantDraft) -> Packed:
    """A tenant with credentials."""
    return [pack_one(draft.tenant), sorted([card.bits, card.value] for card in draft.cards), draft.pin, draft.duress_pin]


def unpack_tenant(packed: Packed) -> TenantDraft:
    """The draft again."""
    tenant, cards, pin, duress = packed
    return TenantDraft(unpack_one(tenant), tuple(Card(bits, value) for bits, value in cards), pin, duress)


def pack_house(house: House) -> Packed:
    """A house."""
    return [house.house_code, house.letting_class, house.unit_code, house.rooms, house.capacity, _iso(house.verified_on), house.verified_by]


def unpack_house(packed: Packed) -> House:
    """The house again."""
    house_code, letting_class, unit_code, rooms, capacity, verified_on, verified_by = packed
    return House(house_code, letting_class, unit_code, rooms, capacity, _day(verified_on), verified_by)


def pack_pass(visit: Visit) -> Packed:
    """A visit without its card."""
    return [
        visit.ref, visit.visit_id, visit.name, visit.host_ref, sorted(visit.access_points),
        visit.begins.isoformat(), visit.ends.isoformat(), visit.entries,
    ]  # fmt: skip


def unpack_pass(packed: Packed) -> Visit:
    """The visit again."""
    ref, visit_id, name, host, points, begins, ends, entries = packed
    return Visit(ref, visit_id, name, host, frozenset(points), datetime.fromisoformat(begins), datetime.fromisoformat(ends), entries)


def pack_visit(draft: VisitDraft) -> Packed:
    """A visit with its card."""
    return [pack_pass(draft.visit), [draft.card.bits, draft.card.value] if draft.card else None]


def unpack_visit(packed: Packed) -> VisitDraft:
    """The draft again."""
    visit, card = packed
    return VisitDraft(unpack_pass(visit), Card(*card) if card else None)


def pack_leaving(column: Leaving) -> Packed:
    """What an unread column says of whom."""
    return [column.heading, [[tenant_id, said.isoformat() if isinstance(said, date) else said] for tenant_id, said in column.people]]


def unpack_leaving(packed: Packed) -> Leaving:
    """The column again."""
    heading, people = packed
    return Leaving(str(heading), tuple((str(number), True if said is True else date.fromisoformat(said)) for number, said in people))


def pack_fault(fault: Fault) -> Packed:
    """A fault or remark."""
    place = fault.place
    read = [fault.read.kind, fault.read.value] if fault.read else None
    return [
        fault.code,
        [place.file, place.row, place.column, place.cell, place.heading],
        read,
        [list(pair) for pair in fault.values],
        fault.grave,
    ]


def unpack_fault(packed: Packed) -> Fault:
    """The fault again."""
    code, place, read, values, grave = packed
    pairs = cast("Sequence[tuple[str, str | int]]", [tuple(pair) for pair in values])
    return Fault(code, Place(*place), Shown(*read) if read else None, tuple(pairs), grave)
