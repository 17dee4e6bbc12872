"""The reference receiver on a real broker: commits before it acknowledges, killed or not."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.journal import Journal
from edge.uplink.arrivals import Arrival
from edge.uplink.broker import Message, Options
from edge.uplink.client import Client
from edge.uplink.receive_store import Store
from tests.uplink.conftest import PATIENCE_S, SOON_S, Heard, Mosquitto, on_ci, put, receiver_of, running, settings, until, uplink_of
from tests.uplink.test_ledger import BASE, health, live


@pytest.mark.peer("mosquitto")
async def test_receiver_killed_again_and_again(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """Kill -9 of the receiver while events flow: nothing missing, nothing twice, and the gateway is told in the end."""
    path = tmp_path / "centre.db"
    uplink = uplink_of(journal, settings(mosquitto.port, backlog_per_s=2_000, batch=7), stall_s=SOON_S)
    total = 0
    pace = random.Random(7)
    async with running(uplink.run):
        for kill in range(on_ci(4, 10) + 1):
            centre = subprocess.Popen([sys.executable, "-m", "tests.uplink.centre", str(mosquitto.port), str(path)])  # noqa: ASYNC220
            put(journal, 400)
            total += 400
            if kill < on_ci(4, 10):
                at_least = journal.acked()["centre"] + pace.randrange(1, 400)
                await until(lambda at_least=at_least: journal.acked()["centre"] >= at_least)  # type: ignore[misc]
                centre.send_signal(signal.SIGKILL)
                await asyncio.to_thread(centre.wait)
        await until(lambda: journal.acked()["centre"] == total, patience_s=3 * PATIENCE_S)
        centre.kill()
        await asyncio.to_thread(centre.wait)
    store = Store(path)
    (key,) = store.runs
    assert [seq for seq, _ in store.events(key)] == list(range(1, total + 1))
    for seq, body in store.events(key):
        record = journal.record(seq)
        assert record is not None
        assert {**json.loads(body)["data"], "person_ref": "7f3a9c1e55d2"} == json.loads(record.data)
    store.close()


def said(message: Message) -> dict[str, object]:
    """An acknowledgement without what differs from run to run."""
    fields = json.loads(message.payload)
    return {key: fields[key] for key in ("epoch", "seq", "credit")}


@pytest.mark.peer("mosquitto")
async def test_credit_is_shared_among_gateways(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Two gateways: each is granted half of what the centre can take."""
    heard = Heard()
    watcher = Client(Options(host="127.0.0.1", port=mosquitto.port, client_id="watcher"), heard)
    await watcher.connect()
    await watcher.subscribe(["anyu/v1/+/+/ack/centre"])
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db", capacity=1_000)
    async with running(receiver.run):
        await watcher.publish(f"{BASE}/health", health(head=0).payload, retain=True)
        assert said(await heard.next()) == {"epoch": "e1", "seq": 0, "credit": 1_000}
        await watcher.publish("anyu/v1/anting_01/gw2/evt/door", live(1, gateway="gw2").payload)
        assert said(await heard.next()) == {"epoch": "e1", "seq": 1, "credit": 500}
    await watcher.close()


@pytest.mark.peer("mosquitto")
async def test_new_events_are_shown_once_they_are_on_disk(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """The callback gets every new event once, and finds it in the database."""
    path = tmp_path / "centre.db"
    shown: list[tuple[int, int]] = []

    def show(arrival: Arrival) -> None:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            kept = db.execute("SELECT count(*) FROM event WHERE seq = ?", (arrival.seq,)).fetchone()[0]
        db.close()
        shown.append((arrival.seq, kept))

    put(journal, 30)
    receiver = receiver_of(mosquitto.port, path, on_event=show)
    uplink = uplink_of(journal, settings(mosquitto.port))
    async with running(receiver.run, uplink.run):
        await until(lambda: len(shown) == 30)
    assert sorted(shown) == [(n, 1) for n in range(1, 31)]
