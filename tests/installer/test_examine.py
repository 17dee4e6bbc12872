"""What devices of every kind say of themselves when they are asked, and that asking takes nothing from anybody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import drivers
from drivers.examine import Mark, clock
from edge.installer import doctor
from edge.installer.bench import OwnBench
from edge.installer.doctor import Row
from edge.settings import Settings
from edge.settings.load import read_settings
from tests.walks.test_four_drivers import ON_PTYS, Premises

pytestmark = pytest.mark.peer("pymodbus", "uhppoted", "libosdp")


def examine(settings: Settings) -> list[Row]:
    """A whole examination; blocks."""
    bench = OwnBench(settings)
    try:
        return doctor.controllers(bench, settings, None)
    finally:
        bench.close()


async def test_every_kind_says_what_it_is(tmp_path: Path) -> None:
    """Identity, firmware and clock of a board, its listener left where it was; secure channels; and what is to be mended."""
    premises = Premises(tmp_path)
    names = (*ON_PTYS, "uhppote")
    for name in names:
        await premises.plug(name)
    try:
        board = premises.far["uhppote"]
        board.listener = ("127.0.0.1", 9)
        settings = read_settings(premises.site().config, {})
        rows = await asyncio.to_thread(examine, settings)
        found = {(row.subject, row.code): row for row in rows}
        assert {subject for subject, code in found if code in {"reached", "line_open"}} == set(names)
        assert "lcus" in {subject for subject, code in found if code == "line_open"}
        assert found["uhppote", "identity"].values["what"] == "serial: 105419896"
        assert found["uhppote", "firmware"].values["version"] == "v8.92"
        assert found["uhppote", "clock"].mark is Mark.GOOD
        assert found["uhppote", "listener_other"].values["who"] == "127.0.0.1:9"
        assert board.listener == ("127.0.0.1", 9)
        assert found["osdp.1", "secure_channel"].mark is Mark.GOOD
        assert found["modbus", "no_pulse"].mark is Mark.WARN
        await premises.hush("osdp", silent=True)
        rows = await asyncio.to_thread(examine, settings)
        assert ("osdp", "unreachable") in {(row.subject, row.code) for row in rows}
        assert not any(premises.released(door) for door in ("lcus", "modbus", "osdp", "uhppote"))
        assert not premises.far["lcus"].history
    finally:
        for name in names:
            await premises.unplug(name)


def test_a_clock_that_is_off() -> None:
    """A minute is what a record may be wrong by."""
    assert clock(59.0).mark is Mark.GOOD
    assert clock(-61.0).mark is Mark.WARN
    assert clock(-61.4).values == {"seconds": "-61"}


def test_drivers_that_can_be_asked() -> None:
    """Every kind whose device can answer is examinable; those that cannot are known."""
    asked = {kind for kind in drivers.KINDS if kind not in {"lcus", "hw667", "wiegand_serial", "qr", "simulated"}}
    for kind in asked:
        module = __import__(drivers.KINDS[kind].module, fromlist=["Controller"])
        assert hasattr(module.Controller, "examine"), kind
