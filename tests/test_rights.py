"""Rights at a running gateway: every verb has its row, and what is asked of it keeps no door waiting."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import threading
from pathlib import Path
from typing import Any

import pytest

from drivers.door import simulated
from drivers.readings import Contact
from edge.control import verbs as verbs_module
from edge.control.client import ask, follow
from edge.control.roles import LIVE, RIGHTS
from edge.daemon import Daemon
from edge.errors import CommandRefused
from edge.gate.core import STATES_S
from tests.premises import ROSTER, STRANGER, Premises, bodies, running, until


@pytest.fixture
def house(tmp_path: Path) -> Premises:
    """A house of two doors."""
    return Premises(tmp_path)


async def test_every_verb_has_a_row(house: Premises) -> None:
    """A verb that is added without a row is nobody's; here it is found. A row without a verb is none."""
    async with running(house.settings()) as daemon:
        assert set(daemon.control._verbs) == set(RIGHTS) - {LIVE}


async def test_who_may_leaves_the_loop_free(house: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer for everybody is made while the loop turns: it waits here until the loop has done something else."""
    turned = threading.Event()
    honest = verbs_module.who_may

    def slow(*args: object) -> object:
        loop.call_soon_threadsafe(turned.set)
        assert turned.wait(20)
        return honest(*args)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(verbs_module, "who_may", slow)
    async with running(house.settings()) as daemon:
        loop = asyncio.get_running_loop()
        await until(lambda: daemon.roster.book.version)
        point = next(iter(daemon.settings.access_points))
        rows = await asyncio.to_thread(ask, daemon.settings.run_dir / "control.sock", "who_may", access_point=point)
    assert isinstance(rows, list)
    assert rows
    assert turned.is_set()


async def test_events_say_who_gave_the_command(house: Premises) -> None:
    """All that follows from a command names its account and joins it by one id; what follows from a card does not."""
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)

        async def told(verb: str, *awaited: str, **args: object) -> list[dict[str, Any]]:
            before = daemon.journal.head()
            await asyncio.to_thread(ask, daemon.settings.run_dir / "control.sock", verb, **args)
            await until(lambda: set(awaited) <= {name for seq, name, _ in stored(daemon) if seq > before})
            return [body for seq, name, body in stored(daemon) if seq > before and name in awaited]

        first = daemon.roster.book.version
        house.write_roster(ROSTER.replace("fc:205;42220", '"fc:205,42230"'))
        await until(lambda: daemon.roster.book.version != first)
        assert "actor" not in bodies(daemon, "roster.applied")[-1]
        following = [
            await told("unlock", "access.granted", "guard.opened", "door.released", access_point="north_in", reason="visitor"),
            await told("lock_down", "door.lockdown", door="north"),
            await told("release", "door.lockdown", door="north"),
            await told("simulate", "access.denied", what="card", access_point="north_in", number=STRANGER),
            await told("roster_rollback", "roster.applied"),
            await told("roster_apply", "roster.applied", yes=True),
            await told("roster_export", "custody.viewed", reason="inspection"),
        ]
        me = {"kind": "root" if os.geteuid() == 0 else "service", "name": pwd.getpwuid(os.geteuid()).pw_name}
        for found in following:
            assert found
            assert [one["actor"] for one in found] == [me] * len(found)
            assert {one["origin"] for one in found} == {"socket"}
            assert len({one["command_id"] for one in found}) == 1
        assert len({found[0]["command_id"] for found in following}) == len(following)


async def test_nothing_is_looked_at_without_a_reason(house: Premises) -> None:
    """Refused, and not written down as seen."""
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        asked: tuple[tuple[str, dict[str, object]], ...] = (
            ("roster_export", {}),
            ("roster_export", {"reason": "我想看"}),
            ("readings", {"seconds": 1}),
        )
        for verb, args in asked:
            with pytest.raises(CommandRefused) as refused:
                await asyncio.to_thread(lambda: list(follow(daemon.settings.run_dir / "control.sock", verb, **args)))  # noqa: B023
            assert refused.value.code == "bad_reason"
        assert not [name for _, name, _ in stored(daemon) if name == "custody.viewed"]


async def test_an_export_that_failed_showed_nothing(house: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full where the sheet is made, or the file is there already: refused in words, and not written down as seen."""

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    there = house.folder / "there.csv"
    there.touch()
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        with monkeypatch.context() as disk:
            disk.setattr(verbs_module, "export", full)
            new = await asyncio.to_thread(house.command, "roster", "export", str(house.folder / "new.csv"), "--reason", "inspection")
        old = await asyncio.to_thread(house.command, "roster", "export", str(there), "--reason", "inspection")
        assert (new.returncode, old.returncode) == (1, 2)
        assert "the disk is full" in new.stderr
        assert not [name for _, name, _ in stored(daemon) if name == "custody.viewed"]
        good = await asyncio.to_thread(house.command, "roster", "export", str(house.folder / "new.csv"), "--reason", "inspection")
        assert good.returncode == 0
        await until(lambda: [name for _, name, _ in stored(daemon) if name == "custody.viewed"] == ["custody.viewed"])


def stored(daemon: Daemon) -> list[tuple[int, str, dict[str, Any]]]:
    """Every event of the journal so far."""
    return [(one.seq, f"{one.cls}.{one.name}", json.loads(one.data)) for one in daemon.journal.latest(1000)]


async def test_the_desk_button_says_so(house: Premises) -> None:
    """Its opening names the button, and no account: nobody knows who pressed it."""
    house.write_site("guard_button: {controller: sim2, input: 3, access_point: north_in}\n")
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        panel = daemon.controllers["sim2"]
        assert isinstance(panel, simulated.Controller)
        await asyncio.sleep(STATES_S)  # a board's first word after Back is no press
        panel.set_input(3, Contact.OPEN)
        panel.set_input(3, Contact.CLOSED)
        await until(lambda: bodies(daemon, "guard.opened"))
        opened = bodies(daemon, "guard.opened")[0]
        assert opened["actor"] == {"kind": "button", "name": "guard_button"}
        assert (opened["origin"], opened["reason_code"]) == ("button", "desk_button")
        assert [one["command_id"] for one in bodies(daemon, "access.granted")] == [opened["command_id"]]
