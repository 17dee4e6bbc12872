"""The gateway put together: from a card to the centre, started in the right order, stopped in time, whatever its devices do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.door import simulated
from drivers.orders import Level
from edge.clock import Trust
from edge.control.client import ask
from edge.daemon import Daemon
from edge.errors import CommandRefused
from edge.journal import JournalInUse
from edge.log import QUEUED
from edge.process import STOP_WITHIN_S
from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings
from tests.clock import HandClock
from tests.premises import CARD, EXPIRED, STRANGER, Premises, bodies, names, running, until
from tests.uplink.conftest import Mosquitto, free_port


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Premises]:
    """A house of two doors; its daemon, if a test starts it, does not outlive the test."""
    premises = Premises(tmp_path)
    yield premises
    premises.kill()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker."""
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    yield broker
    broker.kill()


def device(daemon: Daemon, name: str) -> simulated.Controller:
    """One of its simulated controllers."""
    found = daemon.controllers[name]
    assert isinstance(found, simulated.Controller)
    return found


async def test_a_card_becomes_a_pulse_and_a_record(house: Premises) -> None:
    """Swipe, lock, passage: the relay was driven and every fact is on disk, in order, joined by one passage_id."""
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        north = device(daemon, "sim1")
        daemon_card(daemon, "north_in", CARD)
        await until(lambda: north.released(1))
        assert north.coils[1] is Level.ENERGISED
        north.open_leaf(1)
        north.close_leaf(1)
        await until(lambda: "door.closed" in names(daemon))
        told = names(daemon)
        story = ["access.granted", "door.released", "door.opened", "passage.entry", "door.closed"]
        assert [name for name in told if name in story] == story
        ids = {body["passage_id"] for name in story[:4] for body in bodies(daemon, name)}
        assert len(ids) == 1


def daemon_card(daemon: Daemon, access_point: str, card: str) -> None:
    """Hold a card to a reader of a simulated controller."""
    from edge.control.simulate import Simulation

    Simulation(daemon.settings, daemon.controllers, daemon.gates.play).act("card", {"access_point": access_point, "number": card})


async def test_strangers_and_the_expired_stay_outside(house: Premises) -> None:
    """Refused with its reason, nothing driven; the exit lets the same cards out."""
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        north = device(daemon, "sim1")
        daemon_card(daemon, "north_in", STRANGER)
        daemon_card(daemon, "north_in", EXPIRED)
        await until(lambda: len(bodies(daemon, "access.denied")) == 2)
        unknown, expired = bodies(daemon, "access.denied")
        assert unknown["reason"] == "unknown_credential"
        assert (expired["reason"], expired["person_kind"]) == ("expired", "resident")
        assert not north.released(1)
        daemon_card(daemon, "north_out", EXPIRED)
        await until(lambda: north.released(1))


async def test_the_start_is_told_first(house: Premises) -> None:
    """gateway.started is number one, the settings in force number two; the second start tells settings only if they changed."""
    async with running(house.settings()) as daemon:
        await until(lambda: "roster.applied" in names(daemon))
        assert names(daemon)[:2] == ["gateway.started", "gateway.config_applied"]
        (started,) = bodies(daemon, "gateway.started")
        assert (started["cause"], started["clean"]) == ("first", True)
    async with running(house.settings()) as daemon:
        await until(lambda: names(daemon).count("gateway.started") == 2)
        assert names(daemon).count("gateway.config_applied") == 1
        assert names(daemon).count("gateway.stopping") == 1
        started = bodies(daemon, "gateway.started")[-1]
        assert (started["cause"], started["clean"]) == ("restart", True)
        assert daemon.roster.book.version, "the last good roster is in force before anything else happens"
    house.write_site(
        change=lambda text: text.replace("release_s", "x").replace("fail_secure, wiring: no}", "fail_secure, wiring: no}\n    release_s: 7")
    )
    async with running(house.settings()) as daemon:
        await until(lambda: names(daemon).count("gateway.config_applied") == 2)


async def test_locks_are_secured_at_start_and_stop(house: Premises) -> None:
    """Each lock is at the level its type and wiring imply, from the first moment to the last, whatever that level is."""
    async with running(house.settings()) as daemon:
        north, south = device(daemon, "sim1"), device(daemon, "sim2")
        await until(lambda: north.orders and south.orders)
        assert (north.coils[1], south.coils[1]) == (Level.DEENERGISED, Level.DEENERGISED)
        daemon_card(daemon, "south_in", CARD)
    assert not north.released(1)
    assert not south.released(1)


async def test_doors_do_not_wait_for_the_centre(house: Premises) -> None:
    """With a broker that accepts and never answers, the first door is ready and a card opens it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        house.write_site(f'uplink: {{broker: "mqtt://127.0.0.1:{silent.getsockname()[1]}"}}\n')
        async with running(house.settings()) as daemon:
            await until(lambda: daemon.roster.book.version)
            daemon_card(daemon, "north_in", CARD)
            await until(lambda: device(daemon, "sim1").released(1))


async def test_a_site_without_doors_runs(tmp_path: Path) -> None:
    """A capture site has no controller: it is ready at once."""
    house = Premises(tmp_path)
    house.config.write_text(
        f"site: {{name: c1, kind: capture}}\nstate_dir: {tmp_path}/state\nrun_dir: {tmp_path}/run\nroster: {{folder: {tmp_path}/roster}}\n"
    )
    async with running(house.settings()) as daemon:
        assert daemon.health().doors == ()


async def test_health_and_info_tell_the_truth(house: Premises) -> None:
    """Doors as they are, the roster in force, a pulled cable as a lost device and an unknown door, and the cable back."""
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        health = daemon.health()
        assert [(door.name, door.state, door.line) for door in health.doors] == [("north", "secured", "up"), ("south", "secured", "up")]
        assert health.roster is not None
        assert health.roster.tenants == 2
        assert daemon.info().drivers == {"sim1": "simulated", "sim2": "simulated"}
        assert daemon.info().access_points["north_in"] == "north/in"
        device(daemon, "sim2").lose_line()
        await until(lambda: daemon.health().doors[1].line == "unknown")
        assert "device.sim2" in daemon.health().degraded
        assert daemon.health().doors[0].line == "up"
        device(daemon, "sim2").restore_line()
        await until(lambda: daemon.health().doors[1].state == "secured")
        assert "device.sim2" not in daemon.health().degraded


def stale(daemon: Daemon) -> list[dict[str, object]]:
    """What was told of a roster that could not be applied."""
    return [body for body in bodies(daemon, "gateway.degraded") if body["what"] == "roster.stale"]


async def test_a_broken_roster_degrades_and_heals(house: Premises) -> None:
    """Refused as a whole, the last good one goes on, an alarm begins; a good sheet ends it."""
    good = (house.folder / "roster/roster.csv").read_text(encoding="utf-8")
    async with running(house.settings()) as daemon:
        await until(lambda: daemon.roster.book.version)
        version = daemon.roster.book.version
        house.write_roster(good.replace("2026-01-01", "soon"))
        await until(lambda: "roster.stale" in daemon.condition.words())
        assert daemon.roster.book.version == version
        assert any(alarm.type == "anyu.gateway.degraded.v1" for alarm in daemon.health().alarms)
        house.write_roster(good.replace("Example One", "Example Uno"))
        await until(lambda: "roster.stale" not in daemon.condition.words())
        await until(lambda: [body["phase"] for body in stale(daemon)] == ["begin", "end"])
        begin, end = stale(daemon)
        assert begin["alarm_id"] == end["alarm_id"]
        assert bodies(daemon, "roster.refused")[0]["reason"] == "faults"


async def test_a_clock_that_loses_its_trust_is_told(house: Premises) -> None:
    """gateway.clock at each change of trust, and an alarm while the clock is not believed."""
    clock = HandClock()
    async with running(house.settings(), clock) as daemon:
        await clock.pass_time(2)
        clock.set_trust(Trust.UNTRUSTED)
        await clock.pass_time(6)
        assert "clock.untrusted" in daemon.condition.words()
        clock.set_trust(Trust.SYNCED)
        await clock.pass_time(2)
        assert "clock.untrusted" not in daemon.condition.words()
        await until(lambda: len(bodies(daemon, "gateway.clock")) == 2)
        assert [body["clock"] for body in bodies(daemon, "gateway.clock")] == ["untrusted", "synced"]


async def test_two_daemons_do_not_share_a_state(house: Premises) -> None:
    """The second is refused before it touches a door."""
    async with running(house.settings()):
        with pytest.raises(JournalInUse):
            Daemon(house.settings())


@pytest.mark.peer("mosquitto")
async def test_from_card_to_centre(house: Premises, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The command, a real broker, the reference receiver: what happened at the door is committed at the centre, nothing missing."""
    house.write_site(f'uplink: {{broker: "mqtt://127.0.0.1:{mosquitto.port}", disclose: reference}}\n')
    arrived: list[dict[str, object]] = []
    receiver = Receiver(
        BrokerSettings(broker=f"mqtt://127.0.0.1:{mosquitto.port}"),
        tmp_path / "town.db",
        on_event=lambda arrival: arrived.append(arrival.event),
    )
    receiving = asyncio.create_task(receiver.run())
    await asyncio.to_thread(house.start)
    await asyncio.to_thread(house.wait_for, "roster.applied")
    assert (await asyncio.to_thread(house.command, "simulate", "card", "north_in", CARD)).returncode == 0
    assert (await asyncio.to_thread(house.command, "simulate", "contact", "north", "open")).returncode == 0
    await until(lambda: any(event["type"] == "anyu.passage.entry.v1" for event in arrived))
    code, _ = await asyncio.to_thread(house.stop)
    assert code == 0, house.log
    await until(lambda: any(event["type"] == "anyu.gateway.stopping.v1" for event in arrived) or receiver.summary().missing == 0)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    summary = receiver.summary()
    assert (summary.missing, summary.malformed, summary.lost) == (0, 0, 0)
    entry = next(event for event in arrived if event["type"] == "anyu.passage.entry.v1")
    assert entry["source"] == "/anyu/anting_01/gw1"
    assert "42220" not in json.dumps(arrived) + house.log
    assert "Example" not in json.dumps(arrived) + house.log


async def test_a_broker_that_is_not_allowed_costs_the_uplink_only(house: Premises) -> None:
    """`check` ends with 1; `run` starts all the same, says so, sends nothing there, and a card opens the door."""
    with socket.socket() as broker:
        broker.bind(("127.0.0.1", 0))
        broker.listen()
        broker.setblocking(False)
        house.write_site(f'uplink: {{broker: "mqtt://127.0.0.1:{broker.getsockname()[1]}", brokers: [centre.example]}}\n')
        assert (await asyncio.to_thread(house.command, "check")).returncode == 1
        await asyncio.to_thread(house.start)
        await asyncio.to_thread(house.wait_for, "roster.applied")
        assert (await asyncio.to_thread(house.command, "simulate", "card", "north_in", CARD)).returncode == 0
        await asyncio.to_thread(house.wait_for, "door.released")
        await asyncio.to_thread(house.wait_for, "gateway.degraded", what="uplink.not_allowed", phase="begin")
        assert (await asyncio.to_thread(house.stop))[0] == 0
        with pytest.raises(BlockingIOError):
            broker.accept()  # nobody ever called


async def test_sigterm_with_devices_that_never_answer(house: Premises) -> None:
    """A port that accepts and stays silent, a line that is not there, a broker that never answers: gone within 5 s, the journal clean."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        dead = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        more = (
            f"  relay: {{driver: lcus, port: '{dead}', outputs: 1}}\n"
            f"  reader: {{driver: wiegand_serial, port: /dev/serial/by-id/not-here, framing: hex_cr, format: h10301}}\n"
            f"  far: {{driver: wiegand_serial, port: 'tcp://127.0.0.1:{free_port()}', framing: hex_cr, format: h10301}}\n"
            "doors:\n"
            "  west:\n"
            "    lock: {controller: relay, output: 1, type: fail_safe, wiring: nc, accept_latching: true}\n"
            "    free_exit: true\n"
        )
        points = (
            "access_points:\n"
            "  west_in: {door: west, direction: in, reader: {controller: reader}}\n"
            "  west_out: {door: west, direction: out, reader: {controller: far}}\n"
        )
        uplink = f'uplink: {{broker: "mqtt://127.0.0.1:{silent.getsockname()[1]}"}}\n'
        house.write_site(uplink, lambda text: text.replace("doors:\n", more, 1).replace("access_points:\n", points, 1))
        await asyncio.to_thread(house.start)
        code, took = await asyncio.to_thread(house.stop)
    assert code == 0, house.log
    assert took < STOP_WITHIN_S + 1, "a second for a slow machine to notice that the process is gone"
    assert "Traceback" not in house.log
    last = house.events()[-1]
    assert last["type"] == "anyu.gateway.stopping.v1"
    assert house.command("audit", "verify").returncode == 0
    await asyncio.to_thread(house.start)
    started = [event["data"] for event in house.events() if event["type"] == "anyu.gateway.started.v1"][-1]
    assert (started["cause"], started["clean"]) == ("restart", True)


OBSTINATE = """
import asyncio, sys, threading, time
from pathlib import Path
from edge.daemon import Daemon
from edge.log import QUEUED
from edge.process import serve
from edge.settings import read_settings
from edge.supervisor import Unit

async def obstinate():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

units = Daemon._units
Daemon._units = lambda self: (*units(self), Unit("obstinate", obstinate))
sys.exit(serve(read_settings(Path(sys.argv[1]))))
"""


async def test_sigterm_with_tasks_and_threads_that_never_end(house: Premises) -> None:
    """What swallows its cancellation, and a thread that sleeps for an hour, are left behind; the journal is clean all the same."""
    await asyncio.to_thread(house.start, sys.executable, "-c", OBSTINATE, str(house.config))
    code, took = await asyncio.to_thread(house.stop)
    assert code == 0
    assert took < STOP_WITHIN_S + 1
    await asyncio.to_thread(house.start)
    started = [event["data"] for event in house.events() if event["type"] == "anyu.gateway.started.v1"][-1]
    assert started["clean"] is True


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_log_that_nobody_reads_stops_nothing(house: Premises, blocking: bool) -> None:
    """Its pipe is full from the first line to the last: doors open, commands are answered, SIGTERM ends it in order."""
    unread, log = os.pipe()
    os.set_blocking(log, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(log, b"x")
    os.set_blocking(log, blocking)
    try:
        await asyncio.to_thread(house.start, log=log)
        await asyncio.to_thread(house.wait_for, "roster.applied")
        for _ in range(QUEUED):
            with contextlib.suppress(CommandRefused):
                await asyncio.to_thread(ask, house.socket, "simulate", what="tamper")  # logged, and refused
        assert (await asyncio.to_thread(house.command, "simulate", "card", "north_in", CARD)).returncode == 0
        await asyncio.to_thread(house.wait_for, "door.released")
        code, took = await asyncio.to_thread(house.stop)
        assert code == 0
        assert took < STOP_WITHIN_S + 1
        assert house.events()[-1]["type"] == "anyu.gateway.stopping.v1"
    finally:
        os.close(log)
        os.close(unread)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name)
async def test_signals_that_ask_for_an_end(house: Premises, number: signal.Signals) -> None:
    """A stop in order in the middle of a release: its last event is on disk, exit code 0."""
    await asyncio.to_thread(house.start)
    await asyncio.to_thread(house.wait_for, "roster.applied")
    assert (await asyncio.to_thread(house.command, "simulate", "card", "north_in", CARD)).returncode == 0
    await asyncio.to_thread(house.wait_for, "door.released")
    code, _ = await asyncio.to_thread(house.stop, number)
    assert code == 0, house.log
    assert house.events()[-1]["type"] == "anyu.gateway.stopping.v1"


async def test_signals_that_ask_for_nothing(house: Premises) -> None:
    """What other daemons take as "open your log anew" ends nothing; nor does SIGHUP below nohup."""
    await asyncio.to_thread(house.start, "nohup", sys.executable, "-m", "edge", "run", "--config", str(house.config))
    assert house.process is not None
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        house.process.send_signal(number)
        assert await asyncio.to_thread(ask, house.socket, "ping")
    assert (await asyncio.to_thread(house.stop))[0] == 0


async def test_after_a_kill_the_start_says_so(house: Premises) -> None:
    """Kill -9, then start: cause crash, with the time in which nobody recorded; the old socket is no obstacle."""
    await asyncio.to_thread(house.start)
    await asyncio.to_thread(house.wait_for, "roster.applied")
    await asyncio.to_thread(house.stop, signal.SIGKILL)
    await asyncio.to_thread(house.start)
    started = [event["data"] for event in house.events() if event["type"] == "anyu.gateway.started.v1"][-1]
    assert (started["cause"], started["clean"]) == ("crash", False)
    assert started["blind_from"] <= started["blind_to"]


async def test_systemd_hears_ready_when_the_first_door_is(house: Premises, tmp_path: Path) -> None:
    """READY=1 once, the watchdog petted, STOPPING=1 at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        house.environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1500000"}
        await asyncio.to_thread(house.start)
        heard = [await asyncio.to_thread(manager.recv, 4096) for _ in range(4)]
        await asyncio.to_thread(house.stop)
        manager.setblocking(False)
        try:
            while True:
                heard.append(manager.recv(4096))
        except BlockingIOError:
            pass
    lines = [line for message in heard for line in message.decode().splitlines()]
    assert lines.count("READY=1") == 1
    assert lines.count("WATCHDOG=1") >= 2
    assert lines[-1] == "STOPPING=1"
    assert os.environ.get("NOTIFY_SOCKET") is None
