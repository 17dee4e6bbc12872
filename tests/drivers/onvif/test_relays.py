"""Relay outputs as locks: who times them, what active means, and what is never driven."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.door.onvif_relay import Controller, Options, Simulator
from drivers.door.onvif_relay.relays import FINISH_S
from drivers.errors import LineLost, NoAnswer, Refused
from drivers.onvif.io import Relay, Settings
from drivers.onvif.pullpoint import LEAVE_S
from drivers.onvif.simulator import Behaviour, SimulatedRelay
from drivers.onvif.simulator.http import Reply
from drivers.orders import HoldReleased, Level, Outcome, Secure
from drivers.readings import Back, Lost
from drivers.table import Locks
from drivers.timing import Timing
from tests.drivers.harness import BRISK, Heard, eventually, release, running
from tests.drivers.onvif.conftest import Start
from tests.drivers.onvif.rig import ACCOUNT

pytestmark = pytest.mark.peer("onvif")

STRIKE, MAGNET = {1: Level.DEENERGISED}, {1: Level.ENERGISED}
ONE: dict[str, Any] = {"outputs": 1, "inputs": 0}
LATCHES = ONE | {"accept_latching": True}


@asynccontextmanager
async def up(options: Options, secured: dict[int, Level], timing: Timing = BRISK) -> AsyncIterator[tuple[Controller, Heard]]:
    """A driver that is connected, with its locks secured as the gate does it."""
    driver, heard = Controller(options, secured, timing=timing), Heard()
    async with running(driver, heard):
        await heard.back()
        for door in secured:
            assert await driver.send(Secure(door)) is Outcome.CONFIRMED
        yield driver, heard


def states(camera: Simulator) -> list[str]:
    """What it was asked to do with its relays."""
    return [operation for operation in camera.asked if operation.startswith("Set") and "Relay" in operation]


@pytest.mark.parametrize("idle_closed", [False, True])
@pytest.mark.parametrize("secured", [STRIKE, MAGNET])
@pytest.mark.parametrize("modes", [("Bistable",), ("Monostable",), ("Bistable", "Monostable")])
async def test_active_is_relative_to_idle(start: Start, idle_closed: bool, secured: dict[int, Level], modes: tuple[str, ...]) -> None:
    """Whatever idles how: secured is the level that secures this lock, released the other, held too; and back."""
    relay = SimulatedRelay("r", mode=modes[0], modes=modes, idle_closed=idle_closed)
    camera, options = await start(relays=[relay], options=LATCHES)
    shut = secured[1] is Level.ENERGISED
    async with up(options, secured) as (driver, _):
        assert camera.coils[1] is shut
        await driver.send(release(1))
        assert camera.coils[1] is not shut
        await driver.send(Secure(1))
        assert camera.coils[1] is shut
        await driver.send(HoldReleased(1))
        assert camera.coils[1] is not shut
        await driver.send(Secure(1))
        assert camera.coils[1] is shut


async def test_made_to_time_itself(start: Start) -> None:
    """A relay that could time itself and latches is set up when it is first secured, with a delay that it takes."""
    camera, options = await start(relays=[SimulatedRelay("r", delays_s=(0.5, 1.0, 2.0, 10.0), discrete=True)], options=ONE)
    async with up(options, STRIKE) as (driver, _):
        assert (camera.relays[0].mode, camera.relays[0].delay_s) == ("Monostable", 10.0)
        await driver.send(HoldReleased(1))
        assert camera.relays[0].mode == "Bistable"


async def test_settings_are_left_alone_when_they_fit(start: Start) -> None:
    """A relay that is already as it should be is not set again; one order is one question."""
    camera, options = await start(relays=[SimulatedRelay("r", mode="Monostable", delay_s=5.0)], options=ONE)
    async with up(options, STRIKE) as (driver, _):
        await driver.send(release(1, 5.0))
        await driver.send(Secure(1))
        await driver.send(release(1, 3.0))
    assert states(camera) == ["SetRelayOutputState"] * 5  # the last one secures at the stop


async def test_a_longer_release_than_before(start: Start) -> None:
    """A release longer than the relay's delay makes the delay longer first; a shorter one is ended from here."""
    camera, options = await start(relays=[SimulatedRelay("r", mode="Monostable", delay_s=5.0)], options=ONE)
    async with up(options, STRIKE) as (driver, _):
        await driver.send(release(1, 14.2))
        assert camera.relays[0].delay_s == 15.0
        await driver.send(Secure(1))
        await driver.send(release(1, 0.05))
        await eventually(lambda: not camera.coils[1])
        assert camera.relays[0].delay_s == 15.0


async def test_a_fixed_delay_that_is_too_short(start: Start) -> None:
    """A relay whose delay is fixed and short is told again before it ends, so that a hold and a long release last."""
    relay = SimulatedRelay("r", mode="Monostable", modes=("Monostable",), delay_s=1.0)
    camera, options = await start(relays=[relay], behaviour=Behaviour(settings_fixed=True), options=ONE)
    async with up(options, STRIKE, Timing()) as (driver, _):
        await driver.send(release(1, 2.5))
        began = time.monotonic()
        await eventually(lambda: not camera.coils[1])
        assert time.monotonic() - began > 2.3
        await driver.send(HoldReleased(1))
        await asyncio.sleep(1.5)
        assert camera.coils[1]


async def test_latching_is_accepted_in_writing(start: Start) -> None:
    """A relay that only latches is not driven unless the site says so; the options tell which it is."""
    camera, options = await start(relays=[SimulatedRelay("r", modes=("Bistable",))], options=ONE)
    assert options.locks is Locks.TIMED
    heard = Heard()
    async with running(Controller(options, STRIKE, timing=BRISK), heard):
        await heard.until(lambda reading: isinstance(reading, Lost) and "accept_latching" in reading.why)
        assert Back not in heard.news()
    assert not states(camera)
    assert options.model_copy(update={"accept_latching": True}).locks is Locks.LATCHING


async def test_a_device_that_refuses_to_be_set(start: Start) -> None:
    """A relay said to be able to time itself, and refusing to: refused where latching is not accepted, driven as it is where it is."""
    for accepted in (False, True):
        camera, options = await start(behaviour=Behaviour(settings_fixed=True), relays=[SimulatedRelay("r")], options=ONE)
        options = options.model_copy(update={"accept_latching": accepted})
        driver, heard = Controller(options, STRIKE, timing=BRISK), Heard()
        async with running(driver, heard):
            await heard.back()
            if not accepted:
                with pytest.raises(Refused, match="cannot be set"):
                    await driver.send(Secure(1))
                continue
            await driver.send(Secure(1))
            await driver.send(release(1, 0.05))
            assert camera.coils[1]
            await eventually(lambda camera=camera: not camera.coils[1])


async def test_a_relay_that_opens_by_itself(start: Start) -> None:
    """A relay that is Monostable for good and idles released is said to be unusable, once it was secured for what that is worth."""
    relay = SimulatedRelay("r", mode="Monostable", modes=("Monostable",))
    _, options = await start(behaviour=Behaviour(settings_fixed=True), relays=[relay], options=LATCHES)
    driver, heard = Controller(options, MAGNET, timing=BRISK), Heard()
    async with running(driver, heard):
        await heard.back()
        with pytest.raises(Refused, match="idle state"):
            await driver.send(Secure(1))


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(deviceio=False), Behaviour(device_relays=False), Behaviour(options=False), Behaviour(lists_services=False)],
    ids=["device service only", "DeviceIO only", "no options", "capabilities only"],
)
async def test_either_service(start: Start, behaviour: Behaviour) -> None:
    """Relays work through whichever service the device has."""
    camera, options = await start(behaviour=behaviour, relays=[SimulatedRelay("r", mode="Monostable")], options=LATCHES)
    async with up(options, STRIKE) as (driver, _):
        await driver.send(release(1))
        assert camera.coils[1]


@pytest.mark.parametrize("wrong", [{"serial": "SIM-0002"}, {"serial": "", "hardware": "other"}, {"hardware": "other"}, {"outputs": 3}])
async def test_another_device_is_not_driven(start: Start, wrong: dict[str, Any]) -> None:
    """Another serial number, hardware id or too few relays: Lost, and no relay is touched, with the reason said."""
    camera, options = await start(options=wrong)
    heard = Heard()
    secured = {1: Level.DEENERGISED, 3: Level.DEENERGISED}
    driver = Controller(options, secured, timing=BRISK)
    async with running(driver, heard):
        await heard.lost()
        with pytest.raises(LineLost):
            await driver.send(release(1))
        assert Back not in heard.news()
    assert not states(camera)


async def test_relays_by_their_names(start: Start) -> None:
    """Named tokens make our numbers, whatever order the device has."""
    relays = [SimulatedRelay("alarm"), SimulatedRelay("gate")]
    camera, options = await start(relays=relays, options=ONE | {"output_tokens": ["gate"]})
    async with up(options, STRIKE) as (driver, _):
        await driver.send(release(1))
        assert camera.coils == {1: False, 2: True}


@pytest.mark.parametrize(
    "wrong",
    [{"serial": ""}, {"output_tokens": ["a"]}, {"output_tokens": ["a", "a"]}, {"input_tokens": ["a", ""]}, {"outputs": 99}, {"port": 0}],
)
def test_options_that_make_no_sense(wrong: dict[str, Any]) -> None:
    """A device without identity, or tokens that do not fit the numbers, are found by `check`."""
    with pytest.raises(ValidationError):
        Options(**({"host": "10.1.1.1", "serial": "1", "outputs": 2, "inputs": 2} | wrong))


async def test_somebody_else_at_the_relay(start: Start) -> None:
    """A lock that somebody releases on the device's own page is noticed by its event: Lost and Back, so that the gate sets it anew."""
    camera, options = await start(relays=[SimulatedRelay("r", mode="Monostable", delay_s=60.0)], options=ONE)
    hands = [0.0]
    timing = Timing(now=lambda: time.monotonic() + hands[0], sleep=BRISK.sleep)
    async with up(options, STRIKE, timing) as (driver, heard):
        after = len(heard.readings)
        await eventually(lambda: camera.subscriptions == 1)
        hands[0] = 5.0
        camera.meddle(1, active=True)
        after = await heard.lost(after)
        await heard.back(after)
        await driver.send(Secure(1))
        assert not camera.coils[1]


async def test_a_restart_is_noticed(start: Start) -> None:
    """A device that restarts within a blink is Lost and Back: its relays have fallen to idle and its subscription is gone."""
    camera, options = await start(options=ONE)
    async with up(options, STRIKE) as (driver, heard):
        await driver.send(HoldReleased(1))
        for _ in range(3):
            after = len(heard.readings)
            await eventually(lambda: driver._events is not None and driver._events.heard)
            await camera.reboot()
            after = await heard.lost(after)
            await heard.back(after)
        assert not camera.coils[1]
        await driver.send(HoldReleased(1))
        assert camera.coils[1]


async def test_a_release_whose_answer_is_lost(start: Start) -> None:
    """Where the device did it and we never heard, the caller learns NoAnswer and the end of the release comes all the same."""
    camera, options = await start(relays=[SimulatedRelay("r", modes=("Bistable",))], options=LATCHES | {"timeout_s": 0.5})
    async with up(options, STRIKE) as (driver, _):
        lost = [True]

        async def swallow(operation: str, *rest: Any) -> Any:
            told = await do(operation, *rest)
            if operation == "SetRelayOutputState" and lost:
                lost.clear()
                await asyncio.sleep(30)
            return told

        do, camera._do = camera._do, swallow  # type: ignore[method-assign]
        with pytest.raises(NoAnswer):
            await driver.send(release(1, 1.0))
        assert camera.coils[1]
        await eventually(lambda: not camera.coils[1])


async def test_stop_while_it_is_frozen(start: Start) -> None:
    """A stop in the middle of a release at a device that answers nothing any more ends within the 5 s that a stop may take."""
    assert FINISH_S + LEAVE_S < 5
    camera, options = await start(options=ONE)
    async with up(options, STRIKE) as (driver, _):
        await eventually(lambda: camera.subscriptions == 1)
        await driver.send(release(1))

        async def never(_request: Any) -> Any:
            await asyncio.Event().wait()

        camera._server._answer = never
    assert camera.coils[1]  # it could not be told


async def test_nothing_waits_in_the_kernel() -> None:
    """A connection that is given up is reset, and ends by itself after 3 s without an acknowledgement: no unlock outlives a cable."""
    from drivers.onvif.soap import _socket

    with _socket((socket.AF_INET, socket.SOCK_STREAM, 0)) as made:
        assert struct.unpack("ii", made.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)) == (1, 0)
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 3000


async def test_nonsense_for_an_answer(start: Start) -> None:
    """An answer that makes no sense is NoAnswer for the gate; a hold is carried out though its settings were answered with nonsense."""
    camera, options = await start(relays=[SimulatedRelay("r", mode="Monostable")], options=ONE)
    async with up(options, STRIKE) as (driver, _):
        camera.behaviour.answer = lambda operation: Reply(200, b"<no").to_bytes() if operation == "SetRelayOutputSettings" else None
        await driver.send(HoldReleased(1))
        assert camera.coils[1]
        camera.behaviour.answer = lambda operation: Reply(200, b"<no").to_bytes() if operation == "SetRelayOutputState" else None
        with pytest.raises(NoAnswer):
            await driver.send(Secure(1))
        camera.behaviour.answer = lambda _: None
        await driver.send(Secure(1))
        assert not camera.coils[1]


async def test_orders_follow_each_other(start: Start) -> None:
    """A Secure that is sent while a release is on its way comes after it: the last word is the last that is carried out."""
    camera, options = await start(relays=[SimulatedRelay("r", modes=("Bistable",))], options=LATCHES)
    async with up(options, STRIKE) as (driver, _):
        for _ in range(10):
            await asyncio.gather(driver.send(release(1)), driver.send(Secure(1)))
            assert not camera.coils[1]
            assert driver._relays._ends == {}


@given(
    wanted=st.floats(0.01, 60.0),
    delays=st.lists(st.floats(0.1, 300.0), max_size=6).map(lambda drawn: tuple(sorted(drawn))),
    discrete=st.booleans(),
)
def test_delays(wanted: float, delays: tuple[float, ...], discrete: bool) -> None:
    """A delay is one that the device takes, and not shorter than wanted where it takes such a one."""
    relay = Relay("r", Settings(timed=True, delay_s=1.0, idle_closed=False), True, True, delays, discrete)
    delay = relay.delay(wanted)
    if not delays:
        assert wanted <= delay < wanted + 1
        return
    assert min(delays) <= delay <= max(delays)
    assert not discrete or delay in delays
    assert delay >= wanted or math.isclose(delay, max(delays))


def test_the_account_is_not_in_a_repr() -> None:
    """Options may be printed."""
    assert "p@ss" not in repr(Options(host="10.1.1.1", serial="1", **ACCOUNT))
