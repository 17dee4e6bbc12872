"""Brokers and lines with one fault each: nothing is lost, what happens now arrives, and `degraded` has a word for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.onvif.simulator.http import shut
from edge.clock import PlainClock
from edge.journal import Journal, JournalSettings
from tests.uplink.conftest import SOON_S, Mosquitto, put, receiver_of, running, settings, until, uplink_of
from tests.uplink.fake_broker import FakeBroker

BOTH = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@dataclass
class Line:
    """A line to a broker: `bytes_s` bounds what passes a second each way."""

    to: int
    bytes_s: int | None = None
    port: int = 0
    _connections: int = 0
    _swallowed: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Listen while the block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await shut(server)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def swallow(self) -> None:
        """Take everything of the connections that there are, and pass nothing on; new ones are sound."""
        self._swallowed = self._connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink, far_writer, number))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, far: asyncio.StreamWriter, number: int) -> None:
        try:
            while data := await source.read(256 if self.bytes_s else 65536):
                if self.bytes_s:
                    await asyncio.sleep(len(data) / self.bytes_s)
                if number > self._swallowed:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()
            far.close()


@pytest.mark.peer("mosquitto")
@BOTH
async def test_half_open_line(mosquitto: Mosquitto, journal: Journal, tmp_path: Path, protocol: str) -> None:
    """A line that takes everything and brings nothing: said, and left for a new one."""
    put(journal, 50)
    live: list[int] = []
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db", on_event=lambda came: live.append(came.seq) if came.live else None)
    async with Line(mosquitto.port).open() as line:
        uplink = uplink_of(journal, settings(line.port, protocol=protocol, puback_s=1))
        async with running(uplink.run, receiver.run):
            await until(lambda: journal.acked()["centre"] == 50)
            line.swallow()
            put(journal, 5)
            await until(lambda: "uplink.no_puback" in uplink.complaints())
            # what happened during so short an interruption is still told as it would have been
            await until(lambda: set(live) >= set(range(51, 56)))
            await until(lambda: journal.acked()["centre"] == 55)
            await until(lambda: uplink.complaints() == ())
        assert receiver.summary().missing == 0


@pytest.mark.peer("mosquitto")
@BOTH
async def test_slow_line(mosquitto: Mosquitto, journal: Journal, tmp_path: Path, protocol: str) -> None:
    """16 KB a second, as by a poor mobile line: everything arrives over one connection, what happens now before what waited."""
    put(journal, 100)
    arrived: list[int] = []
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db", capacity=20, on_event=lambda came: arrived.append(came.seq))
    async with Line(mosquitto.port, bytes_s=16_000).open() as line:
        uplink = uplink_of(journal, settings(line.port, protocol=protocol, batch=10))
        async with running(uplink.run, receiver.run):
            await until(lambda: len(arrived) >= 10)
            put(journal, 1)
            await until(lambda: journal.acked()["centre"] == 101)
            assert arrived.index(101) < 100
            assert uplink.complaints() == ()
        assert receiver.summary().missing == 0


@pytest.mark.peer("mosquitto")
@BOTH
async def test_a_live_event_does_not_wait_for_many_batches(mosquitto: Mosquitto, journal: Journal, tmp_path: Path, protocol: str) -> None:
    """64 KB a second and a centre that takes whatever comes: what happens now waits for a few batches, not for a full window of them."""
    put(journal, 3_000)
    arrived: list[int] = []
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db", on_event=lambda came: arrived.append(came.seq))
    async with Line(mosquitto.port, bytes_s=64_000).open() as line:
        uplink = uplink_of(journal, settings(line.port, protocol=protocol, puback_s=60))
        async with running(uplink.run, receiver.run):
            await until(lambda: len(arrived) >= 500)
            put(journal, 1)
            before = len(arrived)
            await until(lambda: 3_001 in arrived)
            assert arrived.index(3_001) - before <= 400


@pytest.mark.parametrize("most", [1, 2, 4, *range(5, 5 + int(os.environ.get("BROKERS", "0")))])
async def test_receive_maximum(journal: Journal, most: int) -> None:
    """Events, state, health and info together never exceed it, and everything passes."""
    put(journal, 40)
    async with FakeBroker(receive_maximum=most, late_s=0.01).serving() as broker:
        uplink = uplink_of(journal, settings(broker.port, batch=5, backlog_per_s=1_000), doors=4)
        async with running(uplink.run):
            await until(lambda: set(broker.sequences()) >= set(range(1, 41)))
            put(journal, 20)
            await until(lambda: set(broker.sequences()) >= set(range(1, 61)))
        assert broker.most_unanswered <= most
        assert broker.connections == 1


@pytest.mark.peer("mosquitto")
@BOTH
async def test_one_client_id_twice(mosquitto: Mosquitto, journal: Journal, tmp_path: Path, protocol: str) -> None:
    """Two gateways end each other's connections: both say why, and once one has gone the other has lost nothing."""
    put(journal, 20)
    folder = tmp_path / "twin"
    folder.mkdir()
    twin = Journal(folder, JournalSettings(ballast_mb=0), PlainClock())
    twin.open()
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db")
    given = settings(mosquitto.port, protocol=protocol, client_id="copied")
    one, other = uplink_of(journal, given), uplink_of(twin, given, gateway="gw2")
    async with running(one.run, receiver.run):
        async with running(other.run):
            await until(lambda: "uplink.id_twice" in one.complaints() and "uplink.id_twice" in other.complaints())
        put(journal, 1)
        await until(lambda: journal.acked()["centre"] == 21)
        assert "uplink.id_twice" in one.complaints()  # until a connection has lasted for a minute
    assert receiver.summary().missing == 0
    twin.close()


WHOLE = "anyu/v1/anting_01/gw1"


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize(
    ("topic", "word"),
    [
        ("state", "uplink.refused.state"),
        ("health", "uplink.refused.health"),
        ("info", "uplink.refused.info"),
        ("evt/access", "uplink.refused.live"),
        ("evtb", "uplink.refused.backlog"),
        ("ack/centre", "uplink.silent.centre"),
    ],
)
async def test_one_topic_is_denied(
    broker_factory: Callable[..., Mosquitto], journal: Journal, tmp_path: Path, topic: str, word: str
) -> None:
    """Each topic by itself: said, the other lane goes on, and once it is allowed nothing is missing."""
    names = {"state", "health", "info", "evt/access", "evtb", "ack/centre"}
    acl = tmp_path / "acl"
    acl.write_text("".join(f"topic readwrite {WHOLE}/{name}\n" for name in sorted(names - {topic})))
    broker = broker_factory(f"acl_file {acl}")
    broker.start()
    put(journal, 10)
    receiver = receiver_of(broker.port, tmp_path / "centre.db")
    uplink = uplink_of(journal, settings(broker.port), stall_s=SOON_S)
    async with running(uplink.run, receiver.run):
        await until(lambda: uplink.view().connected)
        put(journal, 1)
        await until(lambda: word in uplink.complaints())
        if topic not in {"evtb", "ack/centre"}:
            await until(lambda: journal.acked()["centre"] == 11)
        acl.write_text("topic readwrite #\n")
        broker.kill()
        broker.start()
        put(journal, 1)
        await until(lambda: journal.acked()["centre"] == 12)
        await until(lambda: word not in uplink.complaints())
        assert receiver.summary().missing == 0
