"""Small parts: settings, back-off, complaints, coverage, acknowledgements on their way, the timing of health."""

from __future__ import annotations

import itertools
import json
import logging
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.clock import Trust
from edge.journal import JournalHealth
from edge.uplink.acks import AckBox, Taken
from edge.uplink.broker import TAKEN_OVER, Message, Packet
from edge.uplink.complaints import Complaints
from edge.uplink.coverage import MOST_SPANS, Coverage
from edge.uplink.messages import ClockHealth, HealthBody, InfoBody
from edge.uplink.packets import Packets
from edge.uplink.reconnect import Backoff, Flaps
from edge.uplink.settings import UplinkSettings
from edge.uplink.status import Facts, Status
from tests.clock import HandClock


@pytest.mark.parametrize(
    ("broker", "host", "port", "secure"),
    [
        ("mqtts://centre.example", "centre.example", 8883, True),
        ("mqtt://127.0.0.1:1884", "127.0.0.1", 1884, False),
        ("mqtts://[::1]:9000/", "::1", 9000, True),
    ],
)
def test_broker_address(broker: str, host: str, port: int, secure: bool) -> None:
    """Scheme, host and port, each with its usual default."""
    settings = UplinkSettings(broker=broker)
    assert (settings.host, settings.port, settings.secure) == (host, port, secure)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"broker": "centre.example"}, "mqtts://"),
    ({"broker": "http://centre.example"}, "mqtts://"),
    ({"broker": "mqtts://user:s3cr3t-word@centre.example"}, "no user or password"),
    ({"broker": "mqtts://"}, "host"),
    ({"broker": "mqtts://centre.example:99999"}, "address"),
    ({"broker": "mqtts://centre.example/topic"}, "topics are fixed"),
    ({"broker": "mqtt://h", "tls": {}}, "write mqtts"),
    ({"broker": "mqtt://h", "password": "s3cr3t-word"}, "without username"),
    ({"broker": "mqtt://h", "consumers": []}, "at least 1"),
    ({"broker": "mqtt://h", "consumers": ["a", "a"]}, "twice"),
    ({"broker": "mqtt://h", "consumers": ["Town Hall"]}, "pattern"),
    ({"broker": "mqtt://h", "disclose": "registry"}, "none"),
    ({"broker": "mqtt://h", "window": 1000}, "100"),
    ({"broker": "mqtt://h", "protocol": 4}, "3.1.1"),
    ({"broker": "mqtt://h", "acks": {"centre": {}}}, "unsigned"),
    ({"broker": "mqtt://h", "acks": {"centre": {"keys": ["c2hvcnQ="]}}}, "Ed25519"),
    ({"broker": "mqtt://h", "acks": {"town": {"unsigned": True}}}, "not in uplink.consumers"),
    ({"broker": "mqtts://h", "tls": {"cert": "a.pem"}}, "go together"),
    ({"broker": "mqtt://h", "brokr": 1}, "Extra"),
]


@pytest.mark.parametrize(("given_", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_settings_are_refused_with_what_to_write(given_: dict[str, Any], said: str) -> None:
    """Each fault says what was expected, and no message repeats a password."""
    with pytest.raises(ValidationError) as refused:
        UplinkSettings.model_validate(given_)
    assert said in str(refused.value)
    assert "s3cr3t-word" not in " ".join(error["msg"] for error in refused.value.errors())


def test_password_never_shows() -> None:
    """Neither the settings nor what is made of them print it."""
    settings = UplinkSettings.model_validate({"broker": "mqtt://h", "username": "u", "password": "s3cr3t-word", "protocol": 5})
    from edge.uplink.identity import options

    assert "s3cr3t-word" not in f"{settings!r} {settings} {options(settings, 'x', 20)!r}"
    assert options(settings, "x", 20).password == "s3cr3t-word"


@given(st.integers(0, 2**32))
def test_backoff_is_full_jitter_up_to_its_bound(seed: int) -> None:
    """1, 2, 4 … 60 s at most; 300 s after refusals; from the start again only after a minute of stable connection."""
    backoff = Backoff(random.Random(seed))
    waits = [backoff.after(connected_s=0.0, refused=False) for _ in range(12)]
    assert all(wait <= min(60.0, 2.0**n) for n, wait in enumerate(waits))
    assert all(backoff.after(connected_s=59.0, refused=True) <= 300.0 for _ in range(5))
    assert backoff.after(connected_s=60.0, refused=False) <= 1.0


def test_backoff_spreads() -> None:
    """A thousand gateways do not come back in one second."""
    waits = []
    for seed in range(1_000):
        backoff = Backoff(random.Random(seed))
        waits.append([backoff.after(connected_s=0.0, refused=False) for _ in range(8)][-1])
    assert max(sum(second <= wait < second + 1 for wait in waits) for second in range(60)) < 50


def test_complaints_are_said_once_each_way(caplog: pytest.LogCaptureFixture) -> None:
    """Down once, back once, however often it is noticed."""
    caplog.set_level(logging.INFO)
    complaints = Complaints()
    for _ in range(3):
        complaints.begin("away", "gone: %s", "why")
    assert complaints.words() == ("away",)
    for _ in range(3):
        complaints.end("away", "back")
    assert [record.getMessage() for record in caplog.records] == ["gone: why", "back"]
    assert complaints.words() == ()


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), max_size=40))
def test_coverage_is_a_set_of_numbers(spans: list[tuple[int, int]]) -> None:
    """Adding ranges in any order gives the same as a set would."""
    covered, plain = Coverage(), set[int]()
    for first, more in spans:
        covered.add(first, first + more)
        plain |= set(range(first, first + more + 1))
        contiguous = next(n for n in range(1, 100) if n not in plain) - 1
        assert covered.contiguous == contiguous
        assert covered.count() == len(plain)
        assert covered.last == max(plain)
        assert [n for n in range(1, 80) if n in covered] == sorted(plain)
        holes = {n for a, b in covered.gaps(75) for n in range(a, b + 1)}
        assert holes == set(range(1, 76)) - plain


def test_coverage_remembers_no_more_islands_than_its_bound() -> None:
    """Nonsense numbers cannot fill the memory; numbers that join on are still taken."""
    covered = Coverage()
    for n in range(MOST_SPANS):
        assert covered.add(3 + 2 * n, 3 + 2 * n)
    assert not covered.add(10**9, 10**9)
    assert covered.add(1, 2)
    assert covered.contiguous == 3


def test_ack_box_keeps_the_newest_of_each_consumer() -> None:
    """A flood takes no memory: each acknowledgement says all that those before it said."""
    woken: list[int] = []
    box = AckBox({"centre": "a/centre", "auditor": "a/auditor"}, lambda: woken.append(1))
    for seq in range(1_000):
        box.put(Message("a/centre", json.dumps({"epoch": "e", "seq": seq}).encode(), False))
    box.put(Message("a/auditor", b'{"epoch": "e", "seq": 3, "credit": 7}', False))
    box.put(Message("a/stranger", b'{"epoch": "e", "seq": 9}', False))
    came = box.take()
    assert {consumer: ack.seq for consumer, ack in came.good} == {"centre": 999, "auditor": 3}
    assert (came.bad, box.take(), box.malformed) == ({}, Taken([], {}, {}), 0)
    assert woken


JOURNAL = JournalHealth("ok", (), "e1", 5, 1, "00", "sha256", 0, 100, 0, 10**9, ())


def test_health_is_said_on_change_every_minute_and_never_twice_a_second() -> None:
    """A chattering door is one message a second, a quiet gate one a minute; new heads alone are no news."""
    clock = HandClock()
    degraded: list[tuple[str, ...]] = [()]
    status = Status(
        lambda: HealthBody(clock=ClockHealth(trust=Trust.SYNCED), degraded=degraded[0]),
        lambda: InfoBody(version="1"),
        lambda: ("uplink.silent.centre",) if degraded[0] else (),
        clock,
    )
    said: list[float] = []
    for tenth in range(3_000):
        now = tenth / 10
        if 1_000 <= tenth < 1_050:
            degraded[0] = ("camera",) if tenth % 2 else ()
            status.touch()
        facts = Facts(JournalHealth("ok", (), "e1", 5 + tenth, 1, "00", "sha256", 0, 100, 0, 10**9, ()), {"centre": tenth})
        if status.due(now, facts):
            said.append(now)
    assert min(b - a for a, b in itertools.pairwise(said)) >= 1.0 - 1e-9
    assert 4 <= len([at for at in said if 99.0 < at < 107.0]) <= 8
    assert [at for at in said if at < 99.0] == pytest.approx([0.0, 60.0], abs=1.1)


def test_dead_disk_is_told_from_a_missing_ballast() -> None:
    """Records are safe without ballast; while the disk takes nothing, nothing is published."""
    from dataclasses import replace

    safe: tuple[tuple[str, ...], ...] = ((), ("ballast",), ("set_aside",))
    for why in (*safe, ("disk_full", "ballast"), ("writer_stopped",)):
        facts = Facts(replace(JOURNAL, state="degraded" if why else "ok", why=why), {})
        assert facts.writes is (why in safe), why


def test_connections_cut_one_after_the_other_have_a_word() -> None:
    """Three within a minute; who was taken over is told from who was cut off while sending, and a failed attempt begins the count anew."""
    flaps = Flaps()
    assert [flaps.cut(TAKEN_OVER, idle=False, now=at) for at in (0.0, 20.0, 40.0)] == ["", "", "uplink.id_twice"]
    flaps.other()
    assert [flaps.cut(None, idle=False, now=at) for at in (50.0, 60.0, 111.0, 112.0)] == ["", "", "", "uplink.cut_off"]
    assert flaps.flapping


def test_a_poor_line_sets_nothing_aside() -> None:
    """Connections that end at one event twice, and then not, and for reasons that are none of size: every event is still sent."""
    packets, event = Packets(), Packet("t", b"x" * 500, parts=1)
    for at in range(100):
        packets.connected(None, float(at))
        packets.ended([event], None, float(at))
        packets.ended([event], TAKEN_OVER, float(at))
        packets.ended([event, event], None, float(at))
        if at % 2:
            packets.accepted(event)
        assert packets.takes(event.bare)


def test_a_limit_found_out_is_put_to_the_test_ever_more_rarely() -> None:
    """An event that is always refused is tried once a day at last, and an unchanged announcement forgets nothing."""
    packets, event, tries = Packets(), Packet("t", b"x" * 500, parts=1), 0
    for minute in range(366 * 1440):
        packets.relax(60.0 * minute)
        if packets.takes(event.bare):
            tries += 1
            packets.refused(event, 60.0 * minute)
    assert tries <= 12 + 366
    packets.connected(None, 10**9)
    packets.connected(600, 10**9)
    assert packets.takes(event.bare)
    assert not packets.takes(601)
