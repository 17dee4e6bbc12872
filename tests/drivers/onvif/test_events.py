"""Events: what they mean, and a subscription's life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from drivers.door.onvif_relay import Controller, Options
from drivers.errors import Refused
from drivers.onvif import Device, connect
from drivers.onvif.io import DigitalInput
from drivers.onvif.meaning import Meaning, Notification
from drivers.onvif.pullpoint import LIFE_S, PAUSE_S, PULL_S, RENEW_AT, NotRenewed, PullPoint, subscribe
from drivers.onvif.simulator import Behaviour
from drivers.readings import Back, Contact, InputChanged, Lost, Motion, Power, Reading, Tamper
from drivers.timing import Timing
from tests.drivers.harness import BRISK, Heard, eventually, running
from tests.drivers.onvif.conftest import Start

pytestmark = pytest.mark.peer("onvif")


class Hands:
    """A clock whose hands can be turned."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.timing = Timing(now=lambda: time.monotonic() + self.ahead, sleep=BRISK.sleep)


@asynccontextmanager
async def subscribed(options: Options, timing: Timing = BRISK) -> AsyncIterator[tuple[Device, PullPoint]]:
    """A device with a subscription."""
    device = await connect(options)
    try:
        yield device, await subscribe(device, timing)
    finally:
        await device.close()


def note(topic: str, data: Mapping[str, str], source: Mapping[str, str] | None = None) -> Notification:
    """An event."""
    return Notification(topic, source if source is not None else {"Token": "a"}, data, first=False)


@pytest.mark.parametrize(
    ("heard", "reading"),
    [
        (note("Device/Trigger/DigitalInput", {"LogicalState": "true"}), InputChanged(1, Contact.CLOSED)),
        (note("Device/Trigger/DigitalInput", {"LogicalState": "false"}), InputChanged(1, Contact.OPEN)),
        (note("Device/Trigger/DigitalInput", {"LogicalState": "1"}, {"InputToken": "b"}), InputChanged(2, Contact.OPEN)),
        (note("Device/Trigger/DigitalInput", {"LogicalState": "0"}, {"InputToken": "b"}), InputChanged(2, Contact.CLOSED)),
        (note("Device/Trigger/DigitalInput", {"LogicalState": "true"}, {"InputToken": "z"}), None),
        (note("Device/Trigger/DigitalInput", {"Active": "0", "LogicalState": "true"}), InputChanged(1, Contact.CLOSED)),
        (note("Device/Trigger/DigitalInput", {"LogicalState": "1"}, {"Channel": "1", "InputToken": "b"}), InputChanged(2, Contact.OPEN)),
        (note("Device/Trigger/AlarmIn", {"State": "1"}, {"Channel": "1", "AlarmInput": "b"}), InputChanged(2, Contact.OPEN)),
        (note("Device/Trigger/Di", {"LogicalState": "1"}), None),
        (note("VideoSource/MotionAlarm", {"State": "true"}), Motion(True)),
        (note("RuleEngine/CellMotionDetector/Motion", {"IsMotion": "TRUE "}), Motion(True)),
        (note("VideoSource/MotionAlarm", {"State": "false"}), None),
        (note("VideoSource/GlobalSceneChange/ImagingService", {"State": "true"}), Tamper(0, True)),
        (note("RuleEngine/TamperDetector/Tamper", {"IsTamper": "true"}), Tamper(0, True)),
        (note("Device/HardwareFailure/PowerSupplyFailure", {"Failed": "true"}), Power(ok=False)),
        (note("Device/HardwareFailure/PowerSupplyFailure", {"Failed": "false"}), Power(ok=True)),
        (note("VideoSource/ImageTooDark/ImagingService", {"State": "true"}), None),
        (note("VideoSource/MotionAlarm", {"State": "maybe"}), None),
        (note("VideoSource/MotionAlarm", {}), None),
        (note("Device/Trigger/DigitalInput", {"LogicalState": "true"}, {}), None),
    ],
)
def test_meaning(heard: Notification, reading: Reading | None) -> None:
    """What each topic is to us; night, unknown tokens and events that say nothing are passed over."""
    meaning = Meaning([DigitalInput("a", idle_closed=False), DigitalInput("b", idle_closed=True)])
    assert list(meaning.readings(heard)) == ([] if reading is None else [reading])
    assert list(meaning.readings(heard)) == []  # said again it is no news


def test_several_detectors_are_one() -> None:
    """Motion ends when the last detector that saw some sees none."""
    meaning = Meaning([])
    said = []
    for source, moves in (("a", "true"), ("b", "true"), ("a", "false"), ("b", "false")):
        said += list(meaning.readings(note("VideoSource/MotionAlarm", {"State": moves}, {"Source": source})))
    assert said == [Motion(True), Motion(False)]


async def test_readings_of_a_camera(start: Start) -> None:
    """Inputs are told as they are when the line comes up, and then inputs, motion, cover and supply as they change."""
    camera, options = await start(inputs={"in1": False, "in2": True})
    camera.set_input(1, closed=True)
    heard = Heard()
    async with running(Controller(options, {}, timing=BRISK), heard):
        after = await heard.back()
        for reading in (InputChanged(1, Contact.CLOSED), InputChanged(2, Contact.CLOSED)):
            await heard.until(lambda told, reading=reading: told == reading, after=after)
        camera.set_input(2, closed=False)
        camera.move(moves=True)
        camera.cover(covered=True)
        camera.supply(failed=True)
        for reading in (InputChanged(2, Contact.OPEN), Motion(True), Tamper(0, True), Power(ok=False)):
            await heard.until(lambda told, reading=reading: told == reading, after=after)
    await eventually(lambda: camera.subscriptions == 0)


async def test_everything_is_told_anew_after_an_outage(start: Start) -> None:
    """Contacts are unknown while the line is down, so each is told again, changed or not."""
    camera, options = await start()
    heard = Heard()
    async with running(Controller(options, {}, timing=BRISK), heard):
        after = await heard.until(lambda told: told == InputChanged(1, Contact.OPEN))
        await camera.stop()
        after = await heard.lost(after)
        await camera.start(camera.port)
        after = await heard.back(after)
        await heard.until(lambda told: told == InputChanged(1, Contact.OPEN), after=after)


async def test_renewed_at_four_fifths(start: Start) -> None:
    """A subscription is renewed once four fifths of what was granted are over, not before, and again after that."""
    camera, options = await start()
    hands = Hands()
    async with subscribed(options, hands.timing) as (_, events):
        for times in (1, 2):
            hands.ahead += RENEW_AT * LIFE_S - 10
            await events.pull()
            assert camera.asked.count("Renew") == times - 1
            hands.ahead += 11
            await events.pull()
            assert camera.asked.count("Renew") == times


async def test_a_device_that_grants_little(start: Start) -> None:
    """Ten seconds granted are renewed after eight; a device that grants nothing is not asked for ever."""
    for granted, times in ((10.0, 1), (0.5, 2)):  # a refused renewal is asked for once more, by a time instead of a duration
        camera, options = await start(behaviour=Behaviour(grants_s=granted))
        hands = Hands()
        async with subscribed(options, hands.timing) as (_, events):
            hands.ahead = 8.1
            if granted < 1:
                await asyncio.sleep(granted)
                with pytest.raises(NotRenewed):
                    await events.pull()
            else:
                await events.pull()
        assert camera.asked.count("Renew") == times


async def test_a_device_that_cannot_count(start: Start) -> None:
    """One that takes a duration for nonsense is renewed with a time of its own clock."""
    camera, options = await start(behaviour=Behaviour(absolute_only=True, skew_s=-5000))
    hands = Hands()
    async with subscribed(options, hands.timing) as (_, events):
        assert events._absolute
        await events._renew()
        await asyncio.sleep(1.1)  # what it granted at first is over
        camera.move(moves=True)
        assert [told.topic for told in await events.pull()][-1] == "VideoSource/MotionAlarm"
        assert events._renew_at - hands.timing.now() > LIFE_S / 2


async def test_a_subscription_that_ends_by_itself(start: Start) -> None:
    """A device that ends its subscriptions whatever was renewed is subscribed to anew at each end: neither locks nor inputs are lost."""
    camera, options = await start(behaviour=Behaviour(grants_s=1.0))
    heard = Heard()
    async with running(Controller(options, {}, timing=BRISK), heard):
        await heard.until(lambda told: told == InputChanged(1, Contact.OPEN))
        await eventually(lambda: camera.asked.count("CreatePullPointSubscription") >= 3)
        camera.set_input(1, closed=True)
        await heard.until(lambda told: told == InputChanged(1, Contact.CLOSED))
        assert heard.news() == [Back]


async def test_reference_parameters(start: Start) -> None:
    """A device with one address for every subscription gets back what it told them apart by."""
    camera, options = await start(behaviour=Behaviour(parameters=True))
    async with subscribed(options) as (_, first), subscribed(options) as (_, second):
        for events in (first, second):
            await events.pull()
        camera.move(moves=True)
        for events in (first, second):
            assert [told.topic for told in await events.pull()] == ["VideoSource/MotionAlarm"]
        await first.leave()
        assert camera.subscriptions == 1
        with pytest.raises(Refused):
            await first.pull()


async def test_gone_after_a_restart(start: Start) -> None:
    """The subscription of before a restart is refused, and a new one has a new address."""
    camera, options = await start()
    async with subscribed(options) as (device, events):
        await camera.reboot()
        with pytest.raises(Refused):
            await events.pull()
        again = await subscribe(device, BRISK)
        assert again._address != events._address
        assert await again.pull()


@pytest.mark.parametrize("behaviour", [Behaviour(events=False), Behaviour(most_subscriptions=0)], ids=["no events", "all taken"])
async def test_locks_without_events(start: Start, behaviour: Behaviour) -> None:
    """A device that gives no events is up all the same, since its locks work; it is still noticed when it goes."""
    camera, options = await start(behaviour=behaviour)
    heard = Heard()
    async with running(Controller(options, {}, timing=BRISK), heard):
        after = await heard.back()
        device = await connect(options)
        with pytest.raises(Refused):
            await subscribe(device, BRISK)
        await device.close()
        await camera.stop()
        await heard.until(lambda told: isinstance(told, Lost), after=after)


async def test_a_device_that_freezes(start: Start) -> None:
    """A device that accepts questions and answers none any more is Lost, within 5 s by the bounds of its waits, and Back when it thaws."""
    assert PAUSE_S + PULL_S + Options.model_fields["timeout_s"].default < 5
    camera, options = await start(options={"timeout_s": 0.5})
    heard, thawed = Heard(), asyncio.Event()
    thawed.set()
    serve = camera._server._answer

    async def freeze(request: Any) -> Any:
        await thawed.wait()
        return await serve(request)

    camera._server._answer = freeze
    async with running(Controller(options, {}, timing=BRISK), heard):
        after = await heard.back()
        thawed.clear()
        after = await heard.lost(after)
        thawed.set()
        await heard.back(after)


async def test_a_device_that_does_not_wait(start: Start) -> None:
    """A device that answers every pull at once is asked twice a second, not as fast as it can."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    camera, options = await start(behaviour=Behaviour(waits=False))
    async with subscribed(options, Timing(sleep=sleep)) as (_, events):
        while await events.pull():
            pass
        await events.pull()
    assert max(waited) > 0.3
    assert camera.subscriptions


def test_messages_that_zeep_did_not_take_apart() -> None:
    """An event whose body came as a bare element is read too; prefixes of topics do not matter."""
    from lxml import etree

    body = etree.fromstring(
        '<m:Message xmlns:m="urn:x" PropertyOperation="Initialized"><m:Source><m:SimpleItem Name="InputToken" Value="a"/></m:Source>'
        '<m:Data><m:SimpleItem Name="LogicalState" Value="true"/></m:Data></m:Message>'
    )

    class Part:
        def __init__(self, value: Any) -> None:
            self._value_1 = value

    class Message:
        Topic = Part("ns7:Device/Trigger/ns7:DigitalInput")
        Message = Part(body)

    told = Notification.of(Message())
    assert told == Notification("Device/Trigger/DigitalInput", {"InputToken": "a"}, {"LogicalState": "true"}, first=True)
