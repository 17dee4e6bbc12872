"""One MQTT connection: what the broker says is heard, and nothing hangs on what it does not say."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from edge.uplink.broker import FAILURE, LOST, BrokerAway, BrokerRefused, Options, Will
from edge.uplink.client import Client
from tests.uplink.conftest import PATIENCE_S, Heard, Mosquitto, free_port
from tests.uplink.fake_broker import FakeBroker


def options(port: int, **more: object) -> Options:
    """A plain connection to this machine."""
    return Options(**{"host": "127.0.0.1", "port": port, "client_id": "one", **more})  # type: ignore[arg-type]


async def test_nobody_there_is_away() -> None:
    """A closed port: away, said without waiting, and closing afterwards is harmless."""
    client = Client(options(free_port()))
    with pytest.raises(BrokerAway, match="cannot connect"):
        await client.connect()
    await client.close()
    await client.close()


@pytest.mark.parametrize(("protocol", "code"), [("5", 0x87), ("5", 0x84), ("3.1.1", 5)])
async def test_refused_connack_is_a_refusal(protocol: str, code: int) -> None:
    """A broker that answers no is not taken for a broker that is there."""
    async with FakeBroker(connack=code).serving() as broker:
        client = Client(options(broker.port, protocol=protocol))
        with pytest.raises(BrokerRefused) as refused:
            await client.connect()
        assert refused.value.code >= FAILURE or protocol == "3.1.1"
        await client.close()


async def test_broker_that_never_answers_connect_is_given_up() -> None:
    """A listening socket that says nothing: away after the time allowed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(options(silent.getsockname()[1], connect_s=0.3))
        with pytest.raises(BrokerAway, match="CONNECT"):
            await client.connect()
        await client.close()


async def test_refused_publish_is_told_by_its_reason_code() -> None:
    """PUBACK 135: paho counts the message as published; the result here says no."""
    async with FakeBroker(puback=lambda topic: 0x87 if topic == "no" else 0x10).serving() as broker:
        client = Client(options(broker.port))
        await client.connect()
        refused, taken = client.publish("no", b"1"), client.publish("yes", b"2")
        assert await asyncio.wait_for(refused, PATIENCE_S) == 0x87
        assert await asyncio.wait_for(taken, PATIENCE_S) == 0x10  # "no matching subscribers" is a success
        await client.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_close_does_not_wait_for_pubacks_that_never_come(protocol: str) -> None:
    """Messages without an answer end as lost, within the time of a stop."""
    async with FakeBroker(puback=lambda _topic: None).serving() as broker:
        client = Client(options(broker.port, protocol=protocol))
        await client.connect()
        waiting = [client.publish("t", b"%d" % n) for n in range(10)]
        begun = time.monotonic()
        await client.close()
        assert time.monotonic() - begun < 5.0
        assert [future.result() for future in waiting] == [LOST] * 10
        assert client.publish("t", b"late").result() == LOST


async def test_receive_maximum_of_the_broker_is_heard() -> None:
    """Paho ignores it; the window here does not."""
    async with FakeBroker(receive_maximum=7).serving() as broker:
        client = Client(options(broker.port, window=50))
        await client.connect()
        assert client.window == 7
        await client.close()


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_messages_go_and_come(mosquitto: Mosquitto, protocol: str) -> None:
    """Published, granted, delivered, with the retain flag as the broker gives it."""
    heard = Heard()
    client = Client(options(mosquitto.port, protocol=protocol), heard)
    await client.connect()
    assert await client.publish("kept", b"old", retain=True) < FAILURE
    assert await client.subscribe(["kept", "fresh"]) == [1, 1]
    await client.publish("fresh", b"new", content_type="text/plain")
    got = {(m.topic, m.payload, m.retain) for m in [await heard.next() for _ in range(2)]}
    assert got == {("kept", b"old", True), ("fresh", b"new", False)}
    await client.close()


@pytest.mark.peer("mosquitto")
async def test_will_is_spoken_when_we_vanish_and_not_when_we_leave(mosquitto: Mosquitto) -> None:
    """An abort makes the broker speak the will; a close does not."""
    heard = Heard()
    watcher = Client(options(mosquitto.port, client_id="watcher"), heard)
    await watcher.connect()
    await watcher.subscribe(["last"])
    leaving = Client(options(mosquitto.port, client_id="leaving"))
    await leaving.connect(Will("last", b"leaving"))
    await leaving.close()
    vanishing = Client(options(mosquitto.port, client_id="vanishing"))
    await vanishing.connect(Will("last", b"vanished"))
    await vanishing.abort()
    assert (await heard.next()).payload == b"vanished"
    await watcher.close()


@pytest.mark.peer("mosquitto")
async def test_killed_broker_ends_the_connection(mosquitto: Mosquitto) -> None:
    """`closed` is done, with words, and what was in flight is lost."""
    client = Client(options(mosquitto.port))
    await client.connect()
    mosquitto.kill()
    assert await asyncio.wait_for(client.closed, PATIENCE_S)
    await client.close()
