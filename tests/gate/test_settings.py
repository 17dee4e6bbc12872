"""The gates' settings: every fault has its place."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edge.gate.settings import GateSettings
from tests.gate.house import settings


def faults(**given: Any) -> list[tuple[tuple[int | str, ...], str]]:
    """Where and what."""
    with pytest.raises(ValidationError) as caught:
        GateSettings.model_validate(given)
    return [(fault["loc"], fault["type"]) for fault in caught.value.errors()]


def test_a_controller_carries_the_options_of_its_driver() -> None:
    """Flat in the file, typed in memory."""
    made = settings().controllers["sim"]
    assert made.driver == "simulated"
    assert made.options.model_dump()["doors"] == 4


def test_faults_of_options_keep_their_place() -> None:
    """A misspelt option, a wrong one and an unknown driver are all told, each where it stands."""
    controllers = {"a": {"driver": "simulated", "dors": 1}, "b": {"driver": "simulated", "doors": "x"}, "c": {"driver": "lcsu"}, "d": {}}
    assert faults(controllers=controllers) == [
        (("controllers", "a", "dors"), "extra_forbidden"),
        (("controllers", "b", "doors"), "int_parsing"),
        (("controllers", "c", "driver"), "literal_error"),
        (("controllers", "d", "driver"), "missing"),
    ]


LOCK = {"controller": "r", "output": 1, "type": "fail_safe", "wiring": "nc"}


@pytest.mark.parametrize(
    ("door", "where", "what"),
    [
        ({"lock": LOCK | {"door": 1}}, ("lock",), "exactly_one"),
        ({"lock": {"controller": "r", "type": "fail_safe", "wiring": "nc"}}, ("lock",), "exactly_one"),
        ({"lock": LOCK | {"type": "magnet"}}, ("lock", "type"), "enum"),
        ({"lock": LOCK, "release_s": 61}, ("release_s",), "less_than_equal"),
        ({"lock": LOCK, "contact": {"controller": "r", "input": 1, "door": 1}}, ("contact",), "exactly_one"),
        ({"lock": LOCK, "passes": {"controller": "r"}}, ("passes",), "exactly_one_pass"),
        ({"lock": LOCK, "passes": {"controller": "r", "door": 1, "inward": 2}}, ("passes",), "exactly_one_pass"),
        ({"lock": LOCK, "kind": "window"}, ("kind",), "literal_error"),
        ({"lock": LOCK, "relese_s": 5}, ("relese_s",), "extra_forbidden"),
    ],
)
def test_faults_of_a_door(door: dict[str, object], where: tuple[str, ...], what: str) -> None:
    """One fault a line."""
    assert faults(doors={"north": door}) == [(("doors", "north", *where), what)]


def test_faults_of_a_schedule() -> None:
    """Keys and spans alike."""
    given = {"day": {"weekly": {"mon-fry": [], "sat": ["6-7"]}, "holidays": {"2026-13-01": [], "2026-10-01": "someday"}}}
    found = faults(schedules=given)
    assert (("schedules", "day", "weekly", "mon-fry", "[key]"), "weekdays") in found
    assert (("schedules", "day", "weekly", "sat", 0), "time_span") in found
    assert (("schedules", "day", "holidays", "2026-13-01", "[key]"), "dates") in found
    assert any(where[:4] == ("schedules", "day", "holidays", "2026-10-01") for where, _ in found)


def test_names_are_machine_names() -> None:
    """Chinese goes into the label."""
    assert faults(doors={"北门": {"lock": LOCK}})[0] == (("doors", "北门", "[key]"), "string_pattern_mismatch")
