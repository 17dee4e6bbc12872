"""Brokers and centres that misbehave: nothing lost, said once in the log and in health."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.journal import Journal
from edge.uplink.broker import Options
from edge.uplink.client import Client
from tests.uplink.conftest import PATIENCE_S, SOON_S, Heard, Mosquitto, on_ci, put, receiver_of, running, settings, until, uplink_of
from tests.uplink.fake_broker import FakeBroker

BASE = "anyu/v1/anting_01/gw1"


def warnings(caplog: pytest.LogCaptureFixture, part: str) -> int:
    """How often something was said at warning or above."""
    return sum(part in record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)


def events_of(broker: FakeBroker) -> list[int]:
    """The numbers of the events that reached the broker, in order of arrival."""
    return broker.sequences()


def last_health(broker: FakeBroker) -> dict[str, object]:
    """The newest retained health."""
    return dict(json.loads([m.payload for m in broker.published if m.topic == f"{BASE}/health"][-1]))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_broker_that_never_pubacks(journal: Journal, caplog: pytest.LogCaptureFixture, protocol: str) -> None:
    """The window bounds what is in flight, the connection is made anew, it is said once, and nothing is taken for delivered."""
    put(journal, 500)
    async with FakeBroker(puback=lambda _topic: None, receive_maximum=20).serving() as broker:
        uplink = uplink_of(journal, settings(broker.port, protocol=protocol, puback_s=1, backlog_per_s=100_000, batch=5))
        async with running(uplink.run):
            await until(lambda: broker.connections >= 3)
            assert uplink.complaints().count("uplink.no_puback") == 1
        bound = 20 if protocol == "5" else 50
        assert broker.most_unanswered <= bound
        assert warnings(caplog, "acknowledges none") == 1
        assert journal.acked()["centre"] == 0
        # Each connection begins again at the first.
        assert events_of(broker).count(1) >= 2


async def test_broker_that_refuses_connack_and_relents(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """Refused: said once, tried again, and everything is delivered when it relents."""
    put(journal, 5)
    async with FakeBroker(connack=0x87).serving() as broker:
        uplink = uplink_of(journal, settings(broker.port))
        async with running(uplink.run):
            await until(lambda: broker.connections >= 2)
            assert uplink.complaints() == ("uplink.refused",)
            broker.connack = 0
            await until(lambda: events_of(broker)[:5] == [1, 2, 3, 4, 5])
            assert uplink.complaints() == ()
    assert warnings(caplog, "refuses the connection") == 1


async def test_centre_that_never_acks_is_named_in_health(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """Each event once, then again; the log and health say who is silent, once."""
    put(journal, 8)
    async with FakeBroker().serving() as broker:
        uplink = uplink_of(journal, settings(broker.port), stall_s=SOON_S)
        async with running(uplink.run):
            await until(lambda: len(events_of(broker)) >= 16)
            assert events_of(broker)[:16] == [*range(1, 9), *range(1, 9)]
            await until(lambda: "uplink.silent.centre" in str(last_health(broker)["degraded"]))
        assert warnings(caplog, "never acknowledged") == 1
        assert journal.acked()["centre"] == 0


async def test_centre_that_goes_back_and_one_that_is_ahead(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """Restored: replayed. Ahead of us: reported, a new epoch, and not again within ten minutes."""
    put(journal, 20)
    async with FakeBroker().serving() as broker:
        uplink = uplink_of(journal, settings(broker.port))
        ack = f"{BASE}/ack/centre"
        async with running(uplink.run):
            await until(lambda: len(events_of(broker)) >= 20)
            first = journal.epoch
            broker.send(ack, json.dumps({"epoch": first, "seq": 20, "credit": 1000}).encode())
            await until(lambda: journal.acked()["centre"] == 20)
            sent = len(events_of(broker))
            older = json.dumps({"epoch": first, "seq": 15, "credit": 1000}).encode()
            await until(lambda: bool(broker.send(ack, older)) or events_of(broker)[sent:] == [16, 17, 18, 19, 20])
            assert warnings(caplog, "was restored") == 1
            broker.send(ack, json.dumps({"epoch": first, "seq": 1000, "credit": 1000}).encode())
            await until(lambda: journal.epoch != first)
            second = journal.epoch
            await until(lambda: last_health(broker)["epoch"] == second)
            assert "uplink.ahead.centre" in str(last_health(broker)["degraded"])
            broker.send(ack, json.dumps({"epoch": second, "seq": 10**6, "credit": 1000}).encode())
            put(journal, 1)
            await until(lambda: any(f"gw1-{second}-" in m.payload.decode() for m in broker.published))
            assert journal.epoch == second
        assert warnings(caplog, "was rolled back") == 1


async def test_an_older_acknowledgement_by_itself_is_no_restored_centre(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that gives old messages once more, between current ones and all at once: nothing is sent again."""
    put(journal, 20)
    async with FakeBroker().serving() as broker:
        uplink = uplink_of(journal, settings(broker.port))
        ack = f"{BASE}/ack/centre"
        words = [json.dumps({"epoch": journal.epoch, "seq": seq, "credit": 1000}).encode() for seq in (20, 5, 10, 15)]
        async with running(uplink.run):
            await until(lambda: set(broker.sequences()) == set(range(1, 21)))
            broker.send(ack, words[0])
            await until(lambda: journal.acked()["centre"] == 20)
            sent = len(broker.sequences())
            for _ in range(20):
                for word in (*words[1:], words[0]):
                    broker.send(ack, word)
                await asyncio.sleep(0.05)
            put(journal, 1)
            await until(lambda: 21 in broker.sequences())
            assert broker.sequences()[sent:] == [21]
    assert warnings(caplog, "was restored") == 0


MALFORMED = [
    b"",
    b"null",
    b"[]",
    b'{"epoch": "x"}',
    b'{"epoch": "x", "seq": -1}',
    b'{"epoch": "x", "seq": true}',
    b'{"epoch": "x", "seq": 1.5}',
    b'{"epoch": "x", "seq": 1e30}',
    b'{"epoch": "x", "seq": "99999999999999999999"}',
    b'{"epoch": "", "seq": 1}',
    b'{"epoch": "a b", "seq": 1}',
    b'{"epoch": "' + b"x" * 100 + b'", "seq": 1}',
    b'{"epoch": "x", "seq": 1, "credit": -1}',
    b'{"epoch": "x", "seq": 1, "credit": 1e12}',
    b"[" * 4000,
    b"\xff\xfe\x00",
    b'{"epoch": "x", "seq": 1, "pad": "' + b"p" * 5_000 + b'"}',
    b"x" * 200_000,
]


async def test_malformed_acks_are_ignored_counted_and_said_once(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever arrives on the acknowledgement's topic, the way to the centre goes on; the next good one ends the complaint."""
    put(journal, 3)
    async with FakeBroker().serving() as broker:
        uplink = uplink_of(journal, settings(broker.port, protocol="3.1.1"))
        ack = f"{BASE}/ack/centre"
        good = json.dumps({"epoch": journal.epoch, "seq": 2}).encode()
        async with running(uplink.run):
            await until(lambda: len(events_of(broker)) >= 3)
            for payload in MALFORMED:
                broker.send(ack, payload)
            broker.send(ack, good, retain=True)
            await until(lambda: uplink.view().bad_acks == len(MALFORMED) + 1)
            await until(lambda: "uplink.bad_ack.centre" in uplink.complaints())
            assert journal.acked()["centre"] == 0
            broker.send(ack, good)
            await until(lambda: journal.acked()["centre"] == 2)
            await until(lambda: "uplink.bad_ack.centre" not in uplink.complaints())
        assert warnings(caplog, "is ignored") == 1


async def test_only_state_health_and_info_are_retained(journal: Journal) -> None:
    """Birth and will carry one conn_seq, which counts connections; no event is ever retained; a stop says so."""
    put(journal, 3)
    async with FakeBroker().serving() as broker:
        for _ in range(2):
            uplink = uplink_of(journal, settings(broker.port))
            async with running(uplink.run):
                already = len(events_of(broker))
                await until(lambda already=already: len(events_of(broker)) >= already + 3)  # type: ignore[misc]
        retained = {m.topic for m in broker.published if m.retain}
        assert retained == {f"{BASE}/state", f"{BASE}/health", f"{BASE}/info"}
        assert {m.topic for m in broker.published if not m.retain} == {f"{BASE}/evtb"}
        states = [json.loads(m.payload) for m in broker.published if m.topic == f"{BASE}/state"]
        assert [(s["online"], s.get("stopping"), s["conn_seq"]) for s in states] == [
            (True, None, 1),
            (False, True, 1),
            (True, None, 2),
            (False, True, 2),
        ]
        wills = [(topic, json.loads(payload)["online"], json.loads(payload)["conn_seq"]) for topic, payload in broker.wills]
        assert wills == [(f"{BASE}/state", False, 1), (f"{BASE}/state", False, 2)]
        assert set(broker.client_ids) == {"anting_01-gw1"}


async def test_nothing_but_health_while_the_journal_is_degraded(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead disk: health says so, no event leaves; when it is well again, all of them do."""
    from dataclasses import replace

    put(journal, 5)
    well = journal.health
    monkeypatch.setattr(journal, "health", lambda: replace(well(), state="degraded", why=("io_error",)))
    async with FakeBroker().serving() as broker:
        uplink = uplink_of(journal, settings(broker.port))
        async with running(uplink.run):
            await until(lambda: any(m.topic.endswith("/health") for m in broker.published))
            put(journal, 1)
            await until(lambda: len([m for m in broker.published if m.topic.endswith("/info")]) == 1)
            assert last_health(broker)["disk"] == {**dict(last_health(broker)["disk"]), "state": "degraded", "why": ["io_error"]}  # type: ignore[call-overload]
            assert events_of(broker) == []
            monkeypatch.setattr(journal, "health", well)
            await until(lambda: sorted(set(events_of(broker))) == [1, 2, 3, 4, 5, 6])


@pytest.mark.peer("mosquitto")
async def test_topic_denied_by_acl(
    broker_factory: Callable[..., Mosquitto], journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """MQTT 5: the refusal is heard though PUBACK came, said once, and all is delivered once the topic is allowed."""
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite anyu/v1/+/+/state\ntopic readwrite anyu/v1/+/+/health\ntopic readwrite anyu/v1/+/+/ack/#\n")
    broker = broker_factory(f"acl_file {acl}")
    broker.start()
    put(journal, 30)
    uplink = uplink_of(journal, settings(broker.port))
    receiver = receiver_of(broker.port, tmp_path / "centre.db")
    async with running(uplink.run, receiver.run):
        await until(lambda: "uplink.refused.backlog" in uplink.complaints())
        put(journal, 1)
        await until(lambda: "uplink.refused.live" in uplink.complaints())
        assert warnings(caplog, "on the backlog lane (reason code 135)") == 1
        assert journal.acked()["centre"] == 0
        acl.write_text("topic readwrite #\n")
        broker.kill()
        broker.start()
        await until(lambda: journal.acked()["centre"] == 31)
        put(journal, 1)
        await until(lambda: not any(word.startswith("uplink.refused") for word in uplink.complaints()))
        assert receiver.summary().missing == 0


@pytest.mark.peer("mosquitto")
async def test_broker_killed_again_and_again(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """It forgets its sessions and what it had acknowledged each time; the centre misses nothing and keeps nothing twice."""
    kills = on_ci(5, 12)
    uplink = uplink_of(journal, settings(mosquitto.port, backlog_per_s=5_000))
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db")
    total = 0
    async with running(uplink.run, receiver.run):
        for _ in range(kills):
            put(journal, 300)
            total += 300
            await until(lambda total=total: receiver.summary().received > total - 299)  # type: ignore[misc]
            await asyncio.to_thread(mosquitto.kill)
            put(journal, 50)
            total += 50
            await asyncio.to_thread(mosquitto.start)
        await until(lambda: journal.acked()["centre"] == total, patience_s=3 * PATIENCE_S)
        summary = receiver.summary()
        assert (summary.received, summary.gaps, summary.missing) == (total, 0, 0)


@pytest.mark.peer("mosquitto")
async def test_retained_state_tells_the_truth_after_a_kill_and_after_a_stop(mosquitto: Mosquitto, journal: Journal) -> None:
    """Who connects later hears online; after an orderly stop, stopping."""

    async def state() -> dict[str, object]:
        heard = Heard()
        watcher = Client(Options(host="127.0.0.1", port=mosquitto.port, client_id="watcher"), heard)
        await watcher.connect()
        await watcher.subscribe([f"{BASE}/state"])
        message = await heard.next()
        await watcher.close()
        return dict(json.loads(message.payload))

    uplink = uplink_of(journal, settings(mosquitto.port))
    async with running(uplink.run):
        assert await state() == {"online": True, "boot_id": "boot1", "conn_seq": 1}
        await asyncio.to_thread(mosquitto.kill)
        await asyncio.to_thread(mosquitto.start)
        now = await state()
        assert (now["online"], now["boot_id"]) == (True, "boot1")
        assert int(str(now["conn_seq"])) >= 2
    assert (await state())["stopping"] is True
