"""Hostile and broken devices: whatever they answer, an error with a name comes out, in bounded time and memory."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.door.onvif_relay import Controller
from drivers.errors import DriverError, Garbled
from drivers.onvif import connect, discovery
from drivers.onvif.io import Ports
from drivers.onvif.media import profiles
from drivers.onvif.pullpoint import subscribe
from drivers.onvif.simulator.http import Reply
from drivers.orders import Level
from drivers.readings import Back
from tests.drivers.harness import BRISK, Heard, running
from tests.drivers.onvif.conftest import Start

pytestmark = pytest.mark.peer("onvif")

BOMB = (
    b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)) + b"]>"
)
ROUNDS = 150

MATCH = (
    b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    b' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Body><d:ProbeMatches><d:ProbeMatch><w:EndpointReference>'
    b"<w:Address>urn:uuid:1</w:Address></w:EndpointReference><d:Scopes>onvif://www.onvif.org/name/Gate%20north "
    b"onvif://www.onvif.org/hardware/DS-1</d:Scopes><d:XAddrs>http://10.9.9.9:8080/onvif/device_service</d:XAddrs>"
    b"</d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\xff\xfe",
        b"no",
        BOMB + b"<a>&j;</a>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'.encode("utf-16"),
        b"<a>" + b" " * (1 << 20) + b"</a>",
    ],
)
def test_xml_that_is_refused(data: bytes) -> None:
    """No document type in any encoding, no entity, no file, nothing too long."""
    from drivers.onvif import xml

    with pytest.raises(Garbled):
        xml.parse(data)


def test_a_deep_tree() -> None:
    """A tree deeper than libxml2's own bound does not get through to zeep's recursion."""
    from drivers.onvif import xml

    root = xml.parse(b"<a>" * 100_000)
    assert sum(1 for _ in root.iter()) < 2049


@given(st.binary(max_size=2000) | st.text(max_size=500).map(str.encode))
def test_xml_of_any_bytes(data: bytes) -> None:
    """Any bytes are an element or Garbled."""
    from drivers.onvif import xml

    with contextlib.suppress(Garbled):
        xml.local(xml.parse(data))


def test_what_a_probe_brings() -> None:
    """Host from the network, port, name and hardware from the answer."""
    assert discovery.parse(MATCH, "10.1.1.5") == [discovery.Found("10.1.1.5", 8080, "urn:uuid:1", "Gate north", "DS-1")]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_probes_answered_by_anybody(data: st.DataObject) -> None:
    """A true answer with any bytes of it changed, cut or doubled is a list of plausible devices or Garbled."""
    answer = bytearray(MATCH)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(answer) - 1))
        answer[place : place + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
        if not answer:
            break
    try:
        found = discovery.parse(bytes(answer), "10.1.1.5")
    except Garbled:
        return
    assert all(one.host == "10.1.1.5" and 0 < one.port < 65536 and one.name.isprintable() for one in found)


@pytest.mark.parametrize("xaddrs", [b"", b"http://[::1/", b"ftp://a/", b"http://a:99999/", b"http://"])
def test_addresses_that_are_none(xaddrs: bytes) -> None:
    """A match without a usable address is none."""
    assert discovery.parse(MATCH.replace(b"http://10.9.9.9:8080/onvif/device_service", xaddrs), "10.1.1.5") == []
    with pytest.raises(Garbled):
        discovery.parse(MATCH + b" " * 20_000, "10.1.1.5")


async def test_every_answer_garbled(start: Start) -> None:
    """True answers of every operation, with bytes changed, cut, doubled and exchanged for one another's: only named errors come out."""
    camera, options = await start()
    true = await _recorded(camera, options)
    chance = random.Random(4)
    wild = [""]

    def answer(operation: str) -> bytes | None:
        if operation != wild[0]:
            return None
        body = bytearray(true[operation] if chance.random() < 0.8 else chance.choice(list(true.values())))
        for _ in range(chance.randrange(6)):
            place = chance.randrange(len(body))
            cut = chance.choice((0, 1, 1, 40))
            body[place : place + cut] = chance.choice((b"", chance.randbytes(cut), body[chance.randrange(len(body)) :][:60]))
        return Reply(chance.choice((200, 200, 200, 400, 500)), bytes(body)).to_bytes()

    camera.behaviour.answer = answer
    for number in range(ROUNDS):
        wild[0] = list(true)[number % len(true)]
        with contextlib.suppress(DriverError):
            await _everything(options)


async def test_a_driver_among_garbage(start: Start) -> None:
    """A device that talks nonsense opens nothing and ends no driver, and is Back once it talks sense."""
    camera, options = await start()
    chance = random.Random(5)
    camera.behaviour.answer = lambda _: Reply(200, chance.randbytes(chance.randrange(300))).to_bytes()
    heard = Heard()
    driver = Controller(options, {1: Level.DEENERGISED}, timing=BRISK)
    async with running(driver, heard):
        await heard.lost()
        await asyncio.sleep(0.2)
        assert Back not in heard.news()
        camera.behaviour.answer = lambda _: None
        await heard.back()
    assert not camera.history


async def _recorded(camera: Any, options: Any) -> dict[str, bytes]:
    """A true answer for each operation that is asked."""
    true: dict[str, bytes] = {}
    do = camera._do

    async def record(operation: str, *rest: Any) -> Any:
        from drivers.onvif.simulator import words

        told = await do(operation, *rest)
        if isinstance(told, str):
            true[operation] = words.envelope(told)
        return told

    camera._do = record
    await _everything(options)
    camera._do = do
    assert len(true) >= 9
    return true


async def _everything(options: Any) -> None:
    """Ask all that a driver asks."""
    device = await connect(options)
    try:
        await profiles(device)
        ports = Ports(device)
        relays = await ports.relays()
        await ports.inputs()
        for relay in relays[:1]:
            await ports.set_active(relay, active=False)
        events = await subscribe(device, BRISK)
        await events.pull()
        await events.leave()
    finally:
        await device.close()
