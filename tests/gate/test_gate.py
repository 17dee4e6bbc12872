"""The shell of one gate on the real loop: a disk that never commits, a controller that never answers, an inbox that overflows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from drivers.errors import LineLost, Refused, Stale
from drivers.orders import HoldReleased, Indicate, Order, Outcome, Release, Secure
from drivers.readings import Contact
from edge.access.reasons import GuardReason
from edge.access.rules import Mode
from edge.clock import Moment, PlainClock
from edge.gate.gate import INBOX
from edge.gate.inputs import ContactSaid, ExitPressed, SetMode, Unlock
from edge.gate.recorder import NO_FACTS
from edge.gate.view import Answer, Result
from edge.gate.waits import SLOW_WITHIN_S, CommitWaits, slow
from tests.clock import START
from tests.gate.house import NOBODY, SECOND, TENANT, VISITOR, name
from tests.gate.scene import Scene


async def test_the_lock_is_told_and_the_person_too() -> None:
    """Granted is written first; the lock says it did it; the reader shows OK."""
    async with Scene().running() as scene:
        scene.card(TENANT)
        released = await scene.notebook.until("door.released")
        assert released.result == "confirmed"  # type: ignore[attr-defined]  # of this event
        assert scene.notebook.names() == ["access.granted", "door.released"]
        assert scene.lock.kinds() == [Secure, Release]
        assert [order.signal for order in scene.lock.orders if isinstance(order, Indicate)] == ["ok"]
        waits = scene.gate.waits()
        assert (waits.count, waits.late, len(waits.newest)) == (1, 0, 1)


async def test_a_disk_that_never_commits_keeps_nobody_out() -> None:
    """The door is driven after 25 ms whatever the disk says."""
    async with Scene(commits=False).running() as scene:
        scene.card(TENANT)
        await scene.lock.until(Release)
        await scene.notebook.until("door.released")
        assert (scene.gate.waits().count, scene.gate.waits().late) == (1, 1)


async def test_a_recorder_that_does_not_even_time_out() -> None:
    """A fault of ours in the journal is not a closed door either."""

    class Stuck:
        async def wait(self, timeout_s: float) -> bool:
            await asyncio.Event().wait()
            return False

    async with Scene().running() as scene:
        scene.notebook.append = lambda *events, facts=None: (scene.notebook.events.extend(events), Stuck())[1]  # type: ignore[method-assign,assignment,return-value]  # a recorder gone wrong
        scene.card(TENANT)
        await scene.lock.until(Release)


async def test_a_controller_that_never_answers_stops_nothing_else() -> None:
    """Contacts are followed while an order hangs; the order ends as failed, the fault is told, the next order is tried."""
    async with Scene().running() as scene:
        scene.lock.behave = scene.lock.hang
        scene.card(TENANT)
        await scene.lock.until(Release)
        scene.gate.post(ContactSaid(Contact.OPEN))
        await scene.notebook.until("passage.entry")
        assert "door.released" not in scene.notebook.names()
        released = await scene.notebook.until("door.released")
        assert released.result == "failed"  # type: ignore[attr-defined]  # of this event
        assert "door.fault" in scene.notebook.names()
        scene.lock.behave = scene.lock.obey
        scene.gate.post(ContactSaid(Contact.CLOSED))
        scene.card(SECOND)
        await scene.lock.until(Release, 2)
        await scene.notebook.until("door.fault", 2)


@pytest.mark.parametrize("error", [LineLost("x"), Refused("x"), Stale("x")])
async def test_an_order_that_fails_is_told_as_failed(error: Exception) -> None:
    """Whatever the driver says, the story has its end."""

    async def fail(order: Order) -> Outcome:
        raise error

    async with Scene(contact=False).running() as scene:
        scene.lock.behave = fail
        scene.card(TENANT)
        await scene.notebook.until("access.not_taken")
        assert scene.notebook.names()[:2] == ["access.granted", "door.released"]


async def test_a_reader_that_shows_nothing_delays_nobody() -> None:
    """Indicate hangs for ever; locks are driven, and readers are not asked without bound."""

    async def deaf(order: Order) -> Outcome:
        return await (scene.lock.hang(order) if isinstance(order, Indicate) else scene.lock.obey(order))

    async with Scene().running() as scene:
        scene.lock.behave = deaf
        for n in range(20):
            scene.card(NOBODY + n)
        scene.card(TENANT)
        await scene.notebook.until("door.released")
        assert scene.lock.kinds(told=True).count(Indicate) <= 5


class Late(PlainClock):
    """A clock that can be put forward while an order waits its turn."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self):  # type: ignore[no-untyped-def]  # noqa: ANN201  (as the base)
        """Read it."""
        moment = super().now()
        return type(moment)(moment.at, moment.mono + self.ahead, moment.trust, moment.last_trusted, moment.certain)


async def test_an_unlock_older_than_three_seconds_is_dropped() -> None:
    """What waited behind a hanging order is not sent any more when its person has left."""
    clock = Late()
    async with Scene(clock=clock).running() as scene:
        scene.lock.behave = scene.lock.hang
        scene.card(TENANT)
        await scene.lock.until(Release)
        scene.card(SECOND)
        await scene.notebook.until("access.granted", 2)
        clock.ahead = 3.1
        await scene.notebook.until("door.released", 2)
        assert scene.lock.kinds() == [Secure, Release]


async def test_orders_carry_their_deadline() -> None:
    """Three seconds from the moment at which the card was read."""
    clock = PlainClock()
    async with Scene(clock=clock).running() as scene:
        before = clock.now().mono
        scene.card(TENANT)
        await scene.lock.until(Release)
        order = next(order for order in scene.lock.orders if isinstance(order, Release))
        assert before + 3 <= order.not_after <= clock.now().mono + 3
        assert order.seconds == 5


async def test_holding_open_overtakes_and_is_not_ended_by_a_release() -> None:
    """A fire or a guard's order goes before the queue, and what was queued is not sent into it."""
    async with Scene().running() as scene:
        scene.lock.behave = scene.lock.hang
        scene.card(TENANT)
        await scene.lock.until(Release)
        scene.card(SECOND)
        scene.gate.post(SetMode(Mode.LOCKED_OPEN, 1))
        await scene.notebook.until("door.locked_open")
        scene.lock.behave = scene.lock.obey
        await scene.notebook.until("door.released", 2)
        assert scene.lock.kinds() == [Secure, Release, HoldReleased]
        assert scene.answers[1].result is Result.ACCEPTED


async def test_a_guard_is_answered_with_what_the_lock_said() -> None:
    """Confirmed by the device, with the passage to look for."""
    async with Scene().running() as scene:
        scene.gate.post(Unlock("north_in", GuardReason.DELIVERY, 5))
        await scene.notebook.until("door.released")
        assert scene.answers[5] == Answer(Result.CONFIRMED, "id1")


async def test_time_passes_without_anybody() -> None:
    """Deadlines are met by the gate's own timer."""
    scene = Scene()
    object.__setattr__(scene.gate._core._plan, "release_s", 0.05)
    async with scene.running():
        scene.card(TENANT)
        await scene.notebook.until("access.not_taken")


async def test_a_flood_loses_credentials_first_and_is_counted() -> None:
    """Before the gate runs, more than it can take: contacts and commands are kept, cards are dropped, the count is shown."""
    scene = Scene()
    for n in range(INBOX + 10):
        scene.card(NOBODY + n)
    scene.gate.post(SetMode(Mode.LOCK_DOWN, 3))
    assert scene.gate.view().dropped == 11
    async with scene.running():
        await scene.notebook.until("door.lockdown")
    assert scene.answers[3].result is Result.ACCEPTED


async def test_a_dropped_command_is_answered() -> None:
    """Nobody waits for what has been thrown away."""
    scene = Scene()
    scene.gate.post(SetMode(Mode.LOCK_DOWN, 3))
    for _ in range(INBOX):
        scene.gate.post(ExitPressed())
    assert scene.answers == {3: Answer(Result.BUSY)}


async def test_the_lock_is_secured_when_the_daemon_stops() -> None:
    """A release that runs is ended; a door that is held open stays open."""
    scene = Scene()
    async with scene.running():
        scene.card(TENANT)
        await scene.lock.until(Release)
    assert scene.lock.kinds()[-1] is Secure
    held = Scene()
    async with held.running():
        held.gate.post(SetMode(Mode.LOCKED_OPEN, 1))
        await held.lock.until(HoldReleased)
    assert held.lock.kinds()[-1] is HoldReleased


async def test_a_dead_controller_does_not_hold_up_the_stop() -> None:
    """Half a second at most, then the daemon goes."""
    scene = Scene()
    async with asyncio.timeout(20):
        async with scene.running():
            scene.lock.behave = scene.lock.hang
            scene.card(TENANT)
            await scene.lock.until(Release)


async def test_an_idle_gate_shows_that_it_lives() -> None:
    """Its progress follows whatever it does."""
    async with Scene().running() as scene:
        before = scene.gate.progress()
        scene.card(NOBODY)
        await scene.notebook.until("access.denied")
        await asyncio.sleep(0)
        assert scene.gate.progress() >= before
        assert name(scene.notebook.events[-1]) == "access.denied"


class Behind:
    """A receipt of a disk that is behind: committed when the test says so."""

    def __init__(self) -> None:
        self.written = asyncio.Event()

    async def wait(self, timeout_s: float) -> bool:
        """Wait as a journal would."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.written.wait()
        except TimeoutError:
            return False
        return True


def behind(scene: Scene) -> Behind:
    """From now on the disk of this scene is behind."""
    receipt, append = Behind(), scene.notebook.append
    scene.notebook.append = lambda *events, facts=NO_FACTS: (append(*events, facts=facts), receipt)[1]  # type: ignore[method-assign,assignment,return-value]
    return receipt


class Today(PlainClock):
    """Runs as this machine's, on the day of the visitor's visit."""

    def now(self) -> Moment:
        """The moment, of that day."""
        return replace(super().now(), at=START)


@pytest.mark.parametrize("mode", [Mode.LOCK_DOWN, Mode.LOCKED_OPEN])
async def test_a_guard_is_answered_when_the_mode_is_on_disk(mode: Mode) -> None:
    """In force at once; the answer waits for the record, asked for a second time too."""
    async with Scene().running() as scene:
        receipt = behind(scene)
        scene.gate.post(SetMode(mode, 1))  # type: ignore[arg-type]  # never FIRE here
        scene.gate.post(SetMode(mode, 2))  # type: ignore[arg-type]  # never FIRE here
        await scene.lock.until(Secure if mode is Mode.LOCK_DOWN else HoldReleased, 2 if mode is Mode.LOCK_DOWN else 1)
        assert scene.gate.view().mode == mode
        assert scene.answers == {}
        receipt.written.set()
        await until_answered(scene, 2)
        assert scene.answers == {1: Answer(Result.ACCEPTED), 2: Answer(Result.UNCHANGED)}


async def test_a_mode_that_the_disk_does_not_take_is_answered_as_that() -> None:
    """After a second: accepted, and not recorded."""
    async with Scene().running() as scene:
        behind(scene)
        scene.gate.post(SetMode(Mode.LOCK_DOWN, 1))
        await until_answered(scene, 1)
        assert scene.answers == {1: Answer(Result.ACCEPTED, recorded=False)}


async def test_a_counted_visit_waits_for_its_record_and_nobody_else_does() -> None:
    """The visitor's card opens when the entry is on disk; a tenant who comes meanwhile, and a card shown twice, change nothing in that."""
    async with Scene(clock=Today()).running() as scene:
        receipt = behind(scene)
        scene.card(VISITOR)
        scene.card(VISITOR)
        await scene.notebook.until("access.granted")
        scene.card(TENANT)
        await scene.lock.until(Release)
        assert scene.lock.kinds().count(Release) == 1
        assert (scene.gate.waits().count, scene.gate.waits().late) == (1, 1)
        receipt.written.set()
        await scene.lock.until(Release, 2)


async def test_a_counted_visit_enters_on_a_dead_disk_too() -> None:
    """After a second, whatever the disk says."""
    async with Scene(commits=False, clock=Today()).running() as scene:
        scene.card(VISITOR)
        await scene.lock.until(Release)


async def test_a_visitor_who_waits_does_not_enter_a_lock_down() -> None:
    """The guard shut the entry while the disk was behind: the release is not ordered any more."""
    async with Scene(clock=Today()).running() as scene:
        receipt = behind(scene)
        scene.card(VISITOR)
        await scene.notebook.until("access.granted")
        scene.gate.post(SetMode(Mode.LOCK_DOWN, 1))
        await scene.lock.until(Secure, 2)
        receipt.written.set()
        await scene.notebook.until("door.released")
        assert Release not in scene.lock.kinds()


async def until_answered(scene: Scene, count: int) -> None:
    """Wait until so many guards have their answer."""
    async with asyncio.timeout(20):
        while len(scene.answers) < count:  # noqa: ASYNC110 - answers come in a dict
            await asyncio.sleep(0.01)


async def test_a_slow_disk_is_said() -> None:
    """Five of the newest twenty releases ran ahead of their record: said; twenty good ones later it is over."""
    async with Scene().running() as scene:
        waits = scene.gate.commits
        for turn in range(20):
            waits.took(0.025, float(turn), committed=turn % 5 != 0)
        assert not slow([waits], 20.0)
        waits.took(0.025, 20.0, committed=False)
        assert not slow([waits], 21.0)  # the oldest late one has gone
        waits.took(0.025, 21.0, committed=False)
        assert slow([waits], 22.0)
        assert not slow([waits], 22.0 + SLOW_WITHIN_S)
        other = CommitWaits()
        for turn in range(20):
            other.took(0.001, 30.0 + turn, committed=True)
        assert not slow([waits, other], 60.0)
