"""The unit as the daemon runs it: stopping, consumers, live before backlog, the demo's broker."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.clock import PlainClock
from edge.journal import Journal, JournalSettings
from edge.uplink.broker import Options
from edge.uplink.client import Client
from tests.uplink.conftest import PATIENCE_S, SOON_S, Heard, Mosquitto, free_port, put, receiver_of, running, settings, until, uplink_of
from tests.uplink.fake_broker import FakeBroker


@pytest.mark.parametrize("broker", ["absent", "silent", "well"])
async def test_stop_is_quick_whatever_the_broker_does(journal: Journal, broker: str) -> None:
    """Cancelled while connecting, while nothing is acknowledged, or while all is well: over within the time of a stop."""
    put(journal, 100)
    async with FakeBroker(puback=lambda _topic: None if broker == "silent" else 0).serving() as fake:
        uplink = uplink_of(journal, settings(free_port() if broker == "absent" else fake.port))
        task = asyncio.create_task(uplink.run())
        if broker == "absent":
            await until(lambda: "uplink.away" in uplink.complaints())
        else:
            await until(lambda: any("/evt" in message.topic for message in fake.published))
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE_S)
        assert time.monotonic() - begun < 5.0


async def test_no_thread_is_left_behind(journal: Journal) -> None:
    """Twenty connections later there are as many threads as before."""
    async with FakeBroker(connack=0x87).serving() as fake:
        for _ in range(20):
            client = Client(Options(host="127.0.0.1", port=fake.port, client_id="x"))
            with pytest.raises(Exception, match="refuses"):
                await client.connect()
            await client.close()
        await until(lambda: not [t for t in threading.enumerate() if t.name.startswith(("mqtt", "paho"))])


@pytest.mark.peer("mosquitto")
async def test_live_event_overtakes_the_backlog(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """What happens now is at the centre before most of what waited: at 20 events a second the backlog takes longer than the test waits."""
    put(journal, 2_000)
    arrived: list[int] = []
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db", capacity=20, on_event=lambda a: arrived.append(a.seq))
    uplink = uplink_of(journal, settings(mosquitto.port))
    async with running(uplink.run, receiver.run):
        await until(lambda: len(arrived) > 50)
        put(journal, 1, start=2_000)
        await until(lambda: 2_001 in arrived)
        assert arrived.index(2_001) < 1_000


@pytest.mark.peer("mosquitto")
async def test_every_consumer_must_have_it(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Two consumers: one comes later and gets everything too; each has its own acknowledgement."""
    folder = tmp_path / "two"
    folder.mkdir()
    journal = Journal(folder, JournalSettings(ballast_mb=0), PlainClock(), consumers=("centre", "auditor"))
    journal.open()
    try:
        put(journal, 300)
        uplink = uplink_of(journal, settings(mosquitto.port, consumers=["centre", "auditor"]), stall_s=SOON_S)
        centre = receiver_of(mosquitto.port, tmp_path / "centre.db")
        auditor = receiver_of(mosquitto.port, tmp_path / "auditor.db", consumer="auditor")
        async with running(uplink.run):
            async with running(centre.run):
                await until(lambda: journal.acked()["centre"] == 300)
                assert journal.acked()["auditor"] == 0
            async with running(auditor.run):
                await until(lambda: journal.acked()["auditor"] == 300)
        assert centre.summary().missing == auditor.summary().missing == 0
    finally:
        journal.close()


@pytest.mark.peer("mosquitto")
async def test_restart_of_the_gateway_goes_on_where_the_centre_is(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A stopped and started gateway repeats nothing that was acknowledged, and its old will masks nothing."""
    folder = tmp_path / "again"
    folder.mkdir()
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db")
    async with running(receiver.run):
        for round_ in (1, 2, 3):
            journal = Journal(folder, JournalSettings(ballast_mb=0), PlainClock())
            journal.open()
            put(journal, 50)
            uplink = uplink_of(journal, settings(mosquitto.port))
            async with running(uplink.run):
                await until(lambda journal=journal, round_=round_: journal.acked()["centre"] == 50 * round_)  # type: ignore[misc]
            journal.close()
        assert (receiver.summary().received, receiver.summary().missing) == (150, 0)
    heard = Heard()
    watcher = Client(Options(host="127.0.0.1", port=mosquitto.port, client_id="watcher"), heard)
    await watcher.connect()
    await watcher.subscribe(["anyu/v1/anting_01/gw1/state"])
    assert json.loads((await heard.next()).payload) == {"online": False, "boot_id": "boot1", "conn_seq": 3, "stopping": True}
    await watcher.close()


@pytest.mark.peer("mosquitto")
async def test_batches_fit_the_packets_of_the_broker(broker_factory: Callable[..., Mosquitto], journal: Journal, tmp_path: Path) -> None:
    """A broker that takes 4 KB at most (MQTT 5 says so) gets smaller batches, and everything."""
    broker = broker_factory("max_packet_size 4096")
    broker.start()
    put(journal, 200)
    receiver = receiver_of(broker.port, tmp_path / "centre.db")
    uplink = uplink_of(journal, settings(broker.port))
    async with running(uplink.run, receiver.run):
        await until(lambda: journal.acked()["centre"] == 200)
        assert uplink.complaints() == ()


@asynccontextmanager
async def amqtt_broker(port: int) -> AsyncIterator[None]:
    """The embedded broker of the demo, on a loop and a thread of its own."""
    from amqtt.broker import Broker

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="amqtt", daemon=True)
    thread.start()

    async def start() -> Broker:
        broker = Broker(config)
        await broker.start()
        return broker

    broker = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(start(), loop))
    try:
        yield
    finally:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(broker.shutdown(), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, PATIENCE_S)
        loop.close()


@pytest.mark.peer("amqtt")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")
async def test_embedded_broker_of_the_demo(journal: Journal, tmp_path: Path) -> None:
    """MQTT 3.1.1 through amqtt: all arrives and is acknowledged."""
    port = free_port()
    put(journal, 100)
    async with amqtt_broker(port):
        uplink = uplink_of(journal, settings(port, protocol="3.1.1"))
        from edge.uplink.receive import Receiver
        from edge.uplink.settings import BrokerSettings

        way = BrokerSettings.model_validate({"broker": f"mqtt://127.0.0.1:{port}", "protocol": "3.1.1", "reconnect_max_s": 1})
        receiver = Receiver(way, tmp_path / "centre.db")
        async with running(uplink.run, receiver.run):
            await until(lambda: uplink.view().connected)
            put(journal, 5)
            await until(lambda: journal.acked()["centre"] == 105)
        assert receiver.summary().missing == 0
