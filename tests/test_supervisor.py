"""The supervisor: three ways to end, a budget, a watchdog that means something, and a stop that comes in time."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from edge import supervisor
from edge.supervisor import Ended, Notify, Pulse, Supervisor, Unit

Run = Callable[[], Awaitable[None]]


async def forever() -> None:
    """A unit that does its work."""
    await asyncio.Event().wait()


async def until(true: Callable[[], bool]) -> None:
    """Let the others run until something is so, for 20 s at the very most."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - a view, not an event, is what is looked at
            await asyncio.sleep(0)


class Turns:
    """A clock whose sleepers are let through at once, while the time they asked for is counted."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Let the time pass without waiting for it."""
        if seconds != supervisor.WATCH_EVERY_S:  # the watch looks every now and then, which is not what a test counts
            self.slept.append(seconds)
            self.now += seconds
        await asyncio.sleep(0)


def supervise(*units: Unit, turns: Turns, notify: Notify | None = None) -> Supervisor:
    """A supervisor without real waits; the jitter always takes the longest."""
    return Supervisor(units, known=(OSError,), notify=notify, mono=lambda: turns.now, sleep=turns.sleep, chance=lambda: 1.0)


async def test_an_ordinary_unit_may_end() -> None:
    """A unit that returns has done its work and is not started again."""
    runs = 0
    done = asyncio.Event()

    async def once() -> None:
        nonlocal runs
        runs += 1
        done.set()

    sup = Supervisor([Unit("once", once)])
    task = asyncio.create_task(sup.run())
    await done.wait()
    await until(lambda: sup.views()[0].state == "ended")
    sup.stop()
    assert await task == Ended()
    assert runs == 1


async def test_known_errors_back_off_and_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Away for now: waits of 1, 2, 4 … 60 s, one line down, one line back, no traceback."""
    turns = Turns()
    fails = 9
    up = asyncio.Event()

    async def away() -> None:
        nonlocal fails
        if fails:
            fails -= 1
            raise ConnectionRefusedError("nobody there")
        up.set()
        await forever()

    caplog.set_level(logging.INFO)
    sup = supervise(Unit("uplink", away), turns=turns)
    task = asyncio.create_task(sup.run())
    await asyncio.wait_for(up.wait(), 20)
    turns.now += supervisor.SETTLED_S
    await until(lambda: not sup.views()[0].why)
    sup.stop()
    assert await task == Ended()
    assert turns.slept == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    said = [r.getMessage() for r in caplog.records if r.name == "edge.supervisor"]
    assert said == ["uplink is down: nobody there; trying again until it is back", "uplink is back"]
    assert not any(r.exc_info for r in caplog.records)


async def test_a_bug_is_counted_and_shown_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody named is written with its traceback each time, and the unit is started again."""
    turns = Turns()
    runs = 0
    up = asyncio.Event()

    async def buggy() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ZeroDivisionError
        up.set()
        await forever()

    sup = supervise(Unit("gate north", buggy), turns=turns)
    task = asyncio.create_task(sup.run())
    await asyncio.wait_for(up.wait(), 20)
    assert sup.views()[0].bugs == 2
    sup.stop()
    await task
    assert [bool(r.exc_info) for r in caplog.records if "bug" in r.getMessage()] == [True, True]


@pytest.mark.parametrize("how", ["known", "bug", "return"])
async def test_an_essential_unit_that_keeps_failing_ends_the_process(how: str) -> None:
    """Five restarts within a minute, then the rest is stopped and the failure is told."""
    turns = Turns()
    runs = 0

    async def broken() -> None:
        nonlocal runs
        runs += 1
        if how == "known":
            raise OSError("gone")
        if how == "bug":
            raise KeyError("x")

    sup = supervise(Unit("journal", broken, essential=True), Unit("other", forever), turns=turns)
    ended = await asyncio.wait_for(sup.run(), 20)
    assert ended == Ended(failed="journal")
    assert runs == 1 + supervisor.RESTARTS


async def test_slow_failures_are_within_the_budget() -> None:
    """An essential unit that fails once in a quarter of a minute is kept going."""
    turns = Turns()
    runs = 0
    enough = asyncio.Event()

    async def brittle() -> None:
        nonlocal runs
        runs += 1
        if runs > 20:
            enough.set()
            await forever()
        turns.now += 15
        raise OSError("again")

    sup = supervise(Unit("gate", brittle, essential=True), turns=turns)
    task = asyncio.create_task(sup.run())
    await asyncio.wait_for(enough.wait(), 20)
    sup.stop()
    assert await task == Ended()
    assert set(turns.slept) == {supervisor.BACKOFF_FIRST_S}


async def test_obstinate_units_do_not_hold_up_the_stop() -> None:
    """A unit that swallows every cancellation is left behind and named; one that swallows the first is waited for."""
    let_go = asyncio.Event()

    async def obstinate() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    async def hesitant() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            await forever()

    sup = Supervisor([Unit("camera", obstinate), Unit("port", hesitant), Unit("good", forever)])
    task = asyncio.create_task(sup.run())
    await asyncio.sleep(0)
    sup.stop()
    began = time.monotonic()
    ended = await asyncio.wait_for(task, 30)
    assert ended.abandoned == ("camera",)
    assert time.monotonic() - began < 30
    let_go.set()
    await asyncio.gather(*(t for t in asyncio.all_tasks() if t.get_name() == "camera"), return_exceptions=True)


async def test_units_stop_in_their_order() -> None:
    """The gate ends while its controller is still there to secure the door."""
    ended: list[str] = []

    def unit(name: str, order: int) -> Unit:
        async def run() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0.01)
                ended.append(name)

        return Unit(name, run, stop_order=order)

    sup = Supervisor([unit("uplink", 2), unit("controller", 1), unit("gate", 0)])
    task = asyncio.create_task(sup.run())
    await asyncio.sleep(0)
    sup.stop()
    await task
    assert ended == ["gate", "controller", "uplink"]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The manager's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(tmp_path / "notify"))
        there.setblocking(False)
        yield there


def received(there: socket.socket) -> list[str]:
    """Everything that has arrived."""
    out = []
    try:
        while True:
            out.append(there.recv(4096).decode())
    except BlockingIOError:
        return out


async def test_systemd_is_told(systemd: socket.socket, tmp_path: Path) -> None:
    """READY with a status, WATCHDOG while all goes on, STOPPING at the end."""
    turns = Turns()
    notify = Notify({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
    sup = supervise(Unit("gate", forever, essential=True), turns=turns, notify=notify)
    task = asyncio.create_task(sup.run())
    sup.ready("2 doors")
    got: list[str] = []
    while "WATCHDOG=1" not in got:
        await asyncio.sleep(0)
        got += received(systemd)
    sup.stop()
    await task
    got += received(systemd)
    assert got[0] == "READY=1\nSTATUS=2 doors"
    assert got[-1] == "STOPPING=1"


async def test_the_watchdog_starves_when_an_essential_unit_stands_still(
    systemd: socket.socket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No WATCHDOG=1 from the moment an essential unit makes no progress, and again when it does; an ordinary unit does not matter."""
    turns = Turns()
    notify = Notify({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
    gate, camera = Pulse(lambda: turns.now), Pulse(lambda: turns.now)
    sup = supervise(Unit("gate", forever, True, gate.last), Unit("camera", forever, False, camera.last), turns=turns, notify=notify)
    task = asyncio.create_task(sup.run())

    async def petted() -> bool:
        received(systemd)
        for _ in range(20):
            await asyncio.sleep(0)
        return "WATCHDOG=1" in received(systemd)

    assert await petted()
    turns.now += supervisor.STALE_AFTER_S + 1
    assert not await petted()
    assert "gate makes no progress" in caplog.text
    gate()
    assert await petted()
    sup.stop()
    await task


def test_notify_without_systemd_is_silent(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """No socket, no word; a socket that is gone is mentioned once."""
    Notify({})("READY=1")
    assert not caplog.records
    notify = Notify({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"})
    assert notify.watchdog_s is None
    notify("READY=1")
    notify("READY=1")
    assert len(caplog.records) == 1
