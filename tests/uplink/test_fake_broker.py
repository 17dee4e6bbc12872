"""The broker made for these tests, checked by a client that others wrote."""

from __future__ import annotations

import asyncio

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.uplink.fake_broker import FakeBroker


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5])
async def test_fake_broker_speaks_mqtt(version: MQTTProtocolVersion) -> None:
    """Paho connects, subscribes, publishes with QoS 1 and hears a message."""
    async with FakeBroker().serving() as broker:

        def talk() -> tuple[bytes, int]:
            heard: list[bytes] = []
            client = Client(CallbackAPIVersion.VERSION2, client_id="independent", protocol=version)
            client.on_message = lambda _c, _u, message: heard.append(bytes(message.payload))
            client.will_set("last/words", b"gone", qos=1, retain=True)
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            client.subscribe("some/topic", qos=1)
            info = client.publish("a/b", b"x" * 300, qos=1, retain=True)
            info.wait_for_publish(20.0)
            while not heard:
                loop.call_soon_threadsafe(broker.send, "some/topic", b"hello")
                client.loop_misc()
                info.wait_for_publish(0.1)
                _pause.wait(0.05)
            client.disconnect()
            client.loop_stop()
            return heard[0], info.rc

        import threading

        _pause = threading.Event()
        loop = asyncio.get_running_loop()
        assert await asyncio.to_thread(talk) == (b"hello", 0)
        assert (broker.published[0].topic, broker.published[0].payload, broker.published[0].retain) == ("a/b", b"x" * 300, True)
        assert broker.wills == [("last/words", b"gone")]
        assert broker.client_ids == ["independent"]
