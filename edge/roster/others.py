"""The rows of houses.csv and visitors.csv."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from edge.access.terms import Card, House, Visit
from edge.roster import cards, cells
from edge.roster.cells import Wrong
from edge.roster.drafts import VisitDraft
from edge.roster.faults import Notes, Place
from edge.roster.masks import Cell, shape, shown_word
from edge.roster.rows import NAME, NUMBER, Taken, Where, note_twice, once
from edge.roster.settings import RosterSettings
from edge.roster.sheet import Sheet

MOST_PEOPLE = 100_000
"""Rooms or people in one house, entries of one visit: the bound is against slips of the finger."""

_POINT = re.compile(r"[a-z0-9_]{1,32}")


def read_houses(sheet: Sheet, notes: Notes) -> list[House]:
    """One house a row."""
    houses: list[House] = []
    seen: dict[str, Where] = {}
    for row in sheet:
        house_code = sheet.value(row, "house_code", lambda cell: _filled(cells.code(cell, NUMBER)), "")
        if house_code and not once(seen, house_code, sheet.where(row)):
            note_twice("id_twice", sheet.place(row, "house_code"), seen[house_code], notes)
        houses.append(
            House(
                house_code,
                letting_class=sheet.value(row, "letting_class", lambda cell: cells.text(cell, NUMBER), ""),
                unit_code=sheet.value(row, "unit_code", lambda cell: cells.text(cell, NAME), ""),
                rooms=sheet.value(row, "rooms", lambda cell: cells.whole(cell, MOST_PEOPLE), None),
                capacity=sheet.value(row, "capacity", lambda cell: cells.whole(cell, MOST_PEOPLE), None),
                verified_on=sheet.value(row, "verified_on", cells.day, None),
                verified_by=sheet.value(row, "verified_by", lambda cell: cells.text(cell, NAME), ""),
            )
        )
    return houses


def read_visits(
    sheet: Sheet, settings: RosterSettings, zone: ZoneInfo, points: Collection[str] | None, taken: Taken, notes: Notes
) -> list[VisitDraft]:
    """One visit a row. `points` are the site's access points (None: not known); hosts and cards are checked with the roster."""
    drafts: list[VisitDraft] = []
    seen: dict[str, Where] = {}
    heading = sheet.headings.get("card")
    how = cards.written(heading.bracket if heading else "", settings)
    if heading and how is None:
        notes.fault("card_heading", Place(sheet.table.file, heading=heading.text))
    for row in sheet:
        visit_id = sheet.value(row, "visit_id", lambda cell: _filled(cells.code(cell, NUMBER)), "")
        if visit_id and not once(seen, visit_id, sheet.where(row)):
            note_twice("id_twice", sheet.place(row, "visit_id"), seen[visit_id], notes)
        begins = sheet.value(row, "from", lambda cell: _moment(cell, zone, end=False), None)
        ends = sheet.value(row, "until", lambda cell: _moment(cell, zone, end=True), None)
        if begins and ends and ends < begins:
            notes.fault("dates_reversed", sheet.place(row, "until"), other=sheet.heading("from"))
        visit = Visit(
            ref="",
            visit_id=visit_id,
            name=sheet.value(row, "name", lambda cell: _filled(cells.text(cell, NAME)), ""),
            host_ref=sheet.value(row, "host", lambda cell: _host(cell, taken), ""),
            access_points=sheet.value(row, "access_points", lambda cell: _points(cell, points), frozenset()),
            begins=begins or datetime.min.replace(tzinfo=UTC),
            ends=ends or datetime.min.replace(tzinfo=UTC),
            entries=sheet.value(row, "entries", lambda cell: cells.whole(cell, MOST_PEOPLE), None),
        )
        if visit.entries == 0:
            notes.remark("visit_no_entries", sheet.place(row, "entries"))
        card = sheet.value(row, "card", lambda cell: _one_card(cell, how), None) if how else None
        if card and not once(taken.cards, card, sheet.where(row)):
            note_twice("card_twice", sheet.place(row, "card"), taken.cards[card], notes)
        drafts.append(VisitDraft(visit, card))
    return drafts


def _filled(text: str) -> str:
    if not text:
        raise Wrong("empty")
    return text


def _moment(cell: Cell, zone: ZoneInfo, *, end: bool) -> datetime:
    found = cells.moment(cell, zone, end=end)
    if found is None:
        raise Wrong("empty")
    return found.astimezone(UTC)


def _host(cell: Cell, taken: Taken) -> str:
    host = _filled(cells.code(cell, NUMBER))
    if host not in taken.ids:
        raise Wrong("host", shape(cell))
    return host


def _points(cell: Cell, known: Collection[str] | None) -> frozenset[str]:
    points = frozenset(cells.several(cell, 1000))
    if not points:
        raise Wrong("empty")
    for point in sorted(points):
        if not _POINT.fullmatch(point) or (known is not None and point not in known):
            raise Wrong("access_point", shown_word(point, known or ()), there=", ".join(sorted(known or ())) or "north_in")
    return points


def _one_card(cell: Cell, how: cards.Written) -> Card | None:
    found = cards.cards(cell, how)
    if len(found) > 1:
        raise Wrong("too_many_cards", limit=1)
    return found[0] if found else None
