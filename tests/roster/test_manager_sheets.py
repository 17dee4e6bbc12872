"""Two hundred sheets with managers' habits and sixty-three with a harmful column: nobody is shut out or let in without a word.

Who may pass on what day is known before a sheet is written; the sheets are real files, read by the real reader into a real roster.
"""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from edge.access.terms import Book
from edge.roster.outcomes import Applied, Refused
from edge.roster.report import questions
from edge.roster.settings import RosterSettings
from tests.clock import HandClock
from tests.roster.managers import TODAY, Harm, Person, harms, house, save, written
from tests.roster.people import make_roster

NOW = datetime(2026, 3, 8, 4, tzinfo=UTC)


def opens(book: Book, value: int, day: date) -> bool:
    """Whether a card of this number opens on this day."""
    ref = next((ref for card, ref in book.cards.items() if card.value == value), None)
    tenant = book.tenants.get(ref or "")
    return tenant is not None and (tenant.valid_from or date.min) <= day <= (tenant.valid_until or date.max)


def as_known(book: Book, people: list[Person]) -> bool:
    """Whether exactly these people pass, each to the last day."""
    days = (TODAY, date(2026, 6, 1), date(2030, 1, 1))
    return len(book.tenants) == len(people) == len(book.cards) and all(
        opens(book, person.card, day) == (person.first <= day <= person.last)
        for person in people
        for day in (*days, person.last, person.last + timedelta(days=1), person.first)
    )


@pytest.mark.parametrize("seed", range(200))
async def test_habits(folder: Path, settings: RosterSettings, tmp_path: Path, seed: int) -> None:
    """Every one comes into force as it was meant, with nothing asked."""
    dice = random.Random(seed)
    people = house(dice)
    roster = make_roster(settings, tmp_path / "state", clock=HandClock(NOW))
    save(folder, written(people, dice), dice)
    outcome = await roster.reload(asked=True)
    assert isinstance(outcome, Applied), [fault.text("en") for fault in outcome.faults] if isinstance(outcome, Refused) else outcome
    assert as_known(roster.book, people)


def harmful() -> list[tuple[int, int]]:
    """Seed and kind: each of the 21 kinds three times."""
    return list(itertools.product(range(3), range(21)))


@pytest.mark.parametrize(("seed", "kind"), harmful())
async def test_a_harmful_column(folder: Path, settings: RosterSettings, tmp_path: Path, seed: int, kind: int) -> None:
    """It is asked for or found, by the column and how many people it concerns, and everybody passes as before."""
    dice = random.Random(1000 * seed + kind)
    people = house(dice)
    roster = make_roster(settings, tmp_path / "state", clock=HandClock(NOW))
    save(folder, written(people, dice), dice)
    assert isinstance(await roster.reload(asked=True), Applied)
    harm = harms(people, dice)[kind]
    save(folder, harm.sheet, dice, plain=True)
    outcome = await roster.reload(asked=True)
    assert as_known(roster.book, people) or not harm.code
    if harm.code:
        assert isinstance(outcome, Refused), harm
        assert told(outcome, harm)


def told(outcome: Refused, harm: Harm) -> bool:
    """Whether the column and the number of people are named."""
    if outcome.diff is None:
        said = [fault.message("zh") for fault in outcome.faults if fault.code.startswith(harm.code)]
        placed = all(fault.place.column or fault.place.heading for fault in outcome.faults)
        return bool(said) and placed and (harm.people is None or any(f"{harm.people} " in message for message in said))
    asked = [(one.kind, one.people) for one in outcome.diff.questions]
    lines = questions(outcome.diff, "zh")
    return (harm.code, harm.people) in asked and any(harm.column in line and f" {harm.people} 人" in line for line in lines)
