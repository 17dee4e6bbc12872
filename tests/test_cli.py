"""The command: its words, its exit codes, with a daemon and without one."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edge.access.reasons import Reason
from edge.cli import app
from edge.cli.talk import table
from edge.cli.words import WORDS, say
from edge.control.simulate import ASKS, WHAT
from edge.gate.budget import STRANGERS
from edge.gate.view import Result
from edge.journal.faults import Fault
from edge.uplink.words import VALUES
from tests.premises import CARD, PATIENCE_S, ROSTER, STRANGER, Premises

VERBS = [
    ("check",),
    ("discover",),
    ("doctor",),
    ("run",),
    ("status",),
    ("events",),
    ("why",),
    ("who-may",),
    ("unlock",),
    ("lock-down",),
    ("release",),
    ("receive",),
    ("centre", "keygen"),
    ("centre", "sign"),
    *(("roster", verb) for verb in ("check", "diff", "apply", "rollback", "template", "export")),
    *(("simulate", verb) for verb in ("card", "qr", "face", "misread", "pin", "rex", "contact", "pass", "desk", "fire", "tamper", "power")),
    ("audit", "verify"),
    ("calibrate",),
    *(("roster", verb) for verb in ("enrol", "forget")),
    ("guard", "reject"),
    *(("centre", verb) for verb in ("keygen", "sign")),
    *(("models", verb) for verb in ("list", "pull", "import")),
]


@pytest.fixture
def house(tmp_path: Path) -> Premises:
    """A house whose daemon does not run."""
    return Premises(tmp_path)


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A house whose daemon runs, with the roster in force."""
    premises = Premises(tmp_path_factory.mktemp("alive"))
    premises.start()
    premises.wait_for("roster.applied")
    yield premises
    premises.kill()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(verb: tuple[str, ...]) -> None:
    """--help ends with 0 and shows how the verb is called."""
    told = CliRunner().invoke(app, [*verb, "--help"])
    assert told.exit_code == 0
    assert f"Example: anyu-edge {' '.join(verb)}" in told.output


def test_every_verb_is_tested_here() -> None:
    """A new verb must be added to the list above."""
    found: set[tuple[str, ...]] = set()
    command = typer.main.get_command(app)
    for name, sub in command.commands.items():  # type: ignore[attr-defined]
        inner = getattr(sub, "commands", None)
        found |= {(name, verb) for verb in inner} if inner else {(name,)}
    assert found - {("demo",)} == set(VERBS)


@pytest.mark.parametrize("code", sorted(WORDS))
def test_both_languages_say_the_same(code: str) -> None:
    """Every sentence exists twice and takes the same values."""

    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            self[key] = "x"
            return "x"

    zh, en = Anything(), Anything()
    WORDS[code][0].format_map(zh)
    WORDS[code][1].format_map(en)
    assert zh.keys() == en.keys()


def test_every_reason_is_explained() -> None:
    """`why` has a sentence for every reason a decision can have, and every answer of a gate has words."""
    assert {f"why_{reason}" for reason in Reason} <= WORDS.keys()
    assert set(Result) <= WORDS.keys()
    assert {f"disk_{fault}" for fault in Fault} <= WORDS.keys()
    assert say("zh", "some_new_code", detail="x") == "some_new_code：x"


def test_columns_stay_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """A Chinese character takes two places."""
    table(("编号", "NAME"), [("1", "示例甲"), ("1001", "b")])
    assert capsys.readouterr().out == "编号  NAME\n1     示例甲\n1001  b\n"


@pytest.mark.parametrize("verb", [("events",), ("why", "1"), ("audit", "verify")], ids=" ".join)
def test_a_site_that_never_started(house: Premises, verb: tuple[str, ...]) -> None:
    """There is no record because nothing has happened: that is said, and no fault of the disk is made up."""
    told = house.command(*verb)
    assert told.returncode == 1
    assert "Nothing is recorded yet" in told.stderr
    assert "disk" not in told.stderr.replace("read from disk", "")


@pytest.mark.parametrize("what", WHAT)
def test_help_of_live_is_true(what: str) -> None:
    """What cannot be played live says so in its help, and nothing else does."""
    said = CliRunner().invoke(app, ["simulate", what, "--help"]).output
    assert ("Refused: the device alone says this" in said) == (what not in ASKS)


# --- check -----------------------------------------------------------------------------------------------------------------------------


def test_check(house: Premises) -> None:
    """0 and a count for good settings; 1 and every fault for bad ones; 2 for a file that is not there."""
    good = house.shell("check")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.endswith("Good: 2 doors, 3 access points, 2 controllers.\n")
    house.write_site(
        "locale_: zh\n", lambda text: text.replace("kind:", "kid:").replace("door: north, direction: in", "door: nroth, direction: in")
    )
    bad = house.command("check")
    assert bad.returncode == 1
    assert f"{house.config}:18:20: fault: there is no door 'nroth'. Did you mean 'north'?" in bad.stdout
    assert "Did you mean 'locale'?" in bad.stdout or "there is no setting 'locale_'." in bad.stdout
    told = json.loads(house.command("check", "--json").stdout)
    assert told["ok"] is False
    assert {"line": 18, "column": 20, "code": "no_such_door", "near": "north"}.items() <= told["faults"][0].items()
    house.config.unlink()
    assert house.command("check").returncode == 2


def test_check_looks_at_the_roster(house: Premises) -> None:
    """A group that nobody belongs to is told at its place; a roster with faults is told as such."""
    house.write_site(change=lambda text: text.replace("groups: [residents]", "groups: [residents, residens]"))
    told = house.command("check")
    assert told.returncode == 0
    assert "warning: nobody in the roster belongs to the group 'residens'" in told.stdout
    assert "Did you mean 'residents'?" in told.stdout
    house.write_roster("tenant_id,name\n1,\n")
    assert "run anyu-edge roster check" in house.command("check").stdout


def test_check_says_what_an_ended_tenancy_does(house: Premises) -> None:
    """Refused at an entry, let out at an exit; and how many are concerned today. A house without entries is not told."""
    told = house.command("check")
    assert "Whose tenancy has ended is refused at entries and let out at exits; nobody is reminded of it." in told.stdout
    assert "warning: 1 people in the roster have a tenancy that is over" in told.stdout
    assert json.loads(house.command("check", "--json").stdout)["notes"]
    house.write_roster(ROSTER.replace("2026-01-31", "2099-12-31").replace("fc:205;42220", '"fc:205,42220"'))
    house.write_site(change=lambda text: text.replace("direction: in", "direction: out"))
    told = house.command("check")
    assert (told.returncode, "tenancy" in told.stdout) == (0, False)


def test_check_speaks_chinese(house: Premises) -> None:
    """`locale: zh` in the file is enough, whatever the terminal's language."""
    house.write_site(change=lambda text: text.replace("locale: en", "locale: zh").replace("door: south,", "door: suth,"))
    assert "错误: 没有叫“suth”的门（doors）。是否想写“south”？" in house.command("check").stdout


def test_run_refuses_faulty_settings(house: Premises) -> None:
    """Every fault on stderr, exit code 1, no journal begun."""
    house.write_site("fire_: {}\n")
    told = house.shell("run")
    assert told.returncode == 1
    assert "fire_" in told.stderr
    assert not (house.folder / "state").exists()


def test_run_goes_on_with_a_secret_in_an_open_file(house: Premises) -> None:
    """`check` ends with 1; the doors start all the same, and `degraded` says it."""
    house.write_site(
        "recognition: {engine: none}\ncameras: {cam: {driver: rtsp, url: 'rtsp://gate:hunter2@127.0.0.1:1/s', access_points: [north_in]}}\n"
    )
    house.config.chmod(0o644)
    told = house.command("check")
    assert (told.returncode, "cameras__cam__url" in told.stdout) == (1, True)
    assert json.loads(house.command("check", "--json").stdout)["ok"] is False
    house.start()
    try:
        house.wait_for("gateway.degraded", what="config.secret_in_file", phase="begin")
        assert house.command("unlock", "north_in", "--reason", "visitor").returncode == 0
        assert "cameras__cam__url" in house.log
        assert "hunter2" not in house.log + told.stdout
    finally:
        house.kill()


# --- without a daemon ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    [
        ("status",),
        ("events", "--follow"),
        ("unlock", "north_in", "--reason", "visitor"),
        ("lock-down",),
        ("release",),
        ("roster", "diff"),
        ("roster", "apply"),
        ("roster", "rollback"),
        ("roster", "forget", "1001"),
        ("simulate", "rex", "north"),
    ],
    ids=" ".join,
)
def test_what_needs_a_daemon_says_so(house: Premises, verb: tuple[str, ...]) -> None:
    """Exit code 1, how to start it, and what can still be done."""
    told = house.command(*verb)
    assert told.returncode == 1
    assert told.stdout == ""
    first, second = told.stderr.splitlines()
    assert first.startswith("No daemon answers")
    assert "still works" in second or "key" in second
    assert "Faces" not in second


def test_by_hand_it_is_the_locks_type_that_says_what_power_does(house: Premises) -> None:
    """North is fail-secure, south fail-safe: to shut one its power is cut, to shut the other left on; to open, the other way."""
    shut = house.command("lock-down").stderr.splitlines()[1]
    assert "north: the lock stays shut without power. To keep it shut: cut its power" in shut
    assert "south: the lock opens without power. To keep it shut: leave its power on" in shut
    assert "north" not in house.command("lock-down", "south").stderr
    assert "cut its power" not in house.command("lock-down", "south").stderr
    for verb in (("release",), ("unlock", "south_in", "--reason", "visitor")):
        assert "south: the lock opens without power. To open: cut the lock's power" in house.command(*verb).stderr
    opened = house.command("unlock", "north_in", "--reason", "visitor").stderr
    assert "cutting the power does not help" in opened
    assert "south" not in opened
    board = {"driver": "uhppote", "serial": 405419896, "address": "10.0.0.9"}
    house.write_site(change=lambda text: text.replace("{driver: simulated, doors: 1, readers: 2}", json.dumps(board)))
    assert "north: the board there lets in by its own card table" in house.command("lock-down").stderr


def test_what_needs_none_works(house: Premises) -> None:
    """The roster folder is checked and judged, a template written; a journal that is not there is bad news."""
    assert house.command("roster", "check").returncode == 0
    rows = json.loads(house.command("who-may", "north_in", "--json", "--at", "2026-02-15T12:00").stdout)
    assert [(row["id"], row["may"], row["reason"]) for row in rows] == [("1001", True, "granted"), ("1002", False, "expired")]
    assert house.command("who-may", "nowhere").returncode == 2
    assert house.command("who-may", "north_in", "--at", "soon").returncode == 2
    sheet = house.folder / "roster.xlsx"
    assert house.command("roster", "template", str(sheet)).returncode == 0
    assert sheet.exists()
    assert house.command("roster", "template", str(sheet)).returncode == 2
    assert house.command("roster", "template", "roster.pdf").returncode == 2
    assert house.command("events").returncode == 1
    assert house.command("audit", "verify").returncode == 1
    assert not (house.folder / "state" / "journal").exists()


def test_a_broken_roster_is_bad_news(house: Premises) -> None:
    """`roster check` and `who-may` tell its faults."""
    house.write_roster("tenant_id,name\n1,\n")
    assert house.command("roster", "check").returncode == 1
    assert house.command("who-may", "north_in").returncode == 1


# --- with a daemon ---------------------------------------------------------------------------------------------------------------------


def test_status(alive: Premises) -> None:
    """Doors in a table for people, the health for programs."""
    told = alive.command("status")
    assert told.returncode == 0
    assert told.stdout.splitlines()[0].split() == ["DOOR", "STATE", "CONTACT", "LOCK", "MODE", "LINE"]
    assert [door["name"] for door in json.loads(alive.command("status", "--json").stdout)["doors"]] == ["north", "south"]


def test_a_stranger_and_why(alive: Premises) -> None:
    """Refused at the door, explained by the id or the number of the event."""
    assert alive.command("simulate", "card", "north_in", STRANGER).returncode == 0
    event = alive.wait_for("access.denied", reason="unknown_credential")
    for word in (event["id"], event["sequence"]):
        told = alive.command("why", word)
        assert told.returncode == 0
        assert "No such card or PIN in the roster." in told.stdout
        assert "42299" not in told.stdout
        assert f"s old), {VALUES[event['data']['clock']].en}.\n" in told.stdout
    assert alive.command("why", "gw1-0000000000000000-1").returncode == 1
    assert alive.command("why", "999999").returncode == 1
    assert alive.command("why", "yesterday").returncode == 2


@pytest.mark.parametrize(
    ("line", "there"),
    [
        (("unlock", "nort_in", "--reason", "visitor"), "north_in, north_out, south_in"),
        (("lock-down", "nort"), "north, south"),
        (("release", "nort"), "north, south"),
        (("who-may", "nort_in"), "north_in, north_out, south_in"),
        (("simulate", "card", "nort_in", STRANGER), "north_in, north_out, south_in"),
        (("simulate", "rex", "nort"), "north, south"),
        (("doctor", "--door", "nort"), "north, south"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_place_that_is_none(alive: Premises, line: tuple[str, ...], there: str) -> None:
    """Wrong use, and the places that there are, in the language of the site; no word of another."""
    told = alive.command(*line)
    assert (told.returncode, told.stderr.strip()) == (2, f"There is no such place. There are: {there}")
    alive.environ["ANYU_LOCALE"] = "zh"
    try:
        assert alive.command(*line).stderr.strip() == f"没有这个地点，现有：{there}"
    finally:
        del alive.environ["ANYU_LOCALE"]


def test_unlock_lock_down_release(alive: Premises) -> None:
    """A guard's three commands, by their answers and by what is recorded."""
    told = alive.command("unlock", "south_in", "--reason", "forgot_card", "--json")
    assert (told.returncode, json.loads(told.stdout)["result"]) == (0, "confirmed")
    assert alive.wait_for("guard.opened")["data"]["reason_code"] == "forgot_card"
    assert alive.command("unlock", "south_in", "--reason", "because").returncode == 2
    assert alive.command("unlock", "south_in").returncode == 2
    assert alive.command("lock-down", "south").returncode == 0
    alive.wait_for("door.lockdown", door="south", phase="begin")
    assert "It was so already." in alive.command("lock-down", "south").stdout
    assert alive.command("release").returncode == 0
    alive.wait_for("door.lockdown", door="south", phase="end")
    assert alive.command("lock-down", "nowhere").returncode == 2


def mode_of_south(alive: Premises, wanted: str) -> None:
    """Wait until `status` shows this mode."""
    deadline = time.monotonic() + PATIENCE_S
    while (mode := json.loads(alive.command("status", "--json").stdout)["doors"][1]["mode"]) != wanted:
        assert time.monotonic() < deadline, mode


def test_a_lock_down_during_a_fire_waits_and_says_so(alive: Premises) -> None:
    """It is said by the answer and by `status`, given twice too, and taken back by a release; when the fire ends it is in force."""
    alive.command("simulate", "fire", "on")
    mode_of_south(alive, "fire")
    waits = "It takes effect when the fire alarm ends; until then the doors stay released."
    for _ in range(2):
        assert alive.command("lock-down", "south").stdout.strip() == waits
    assert "south: when the fire alarm ends: lock-down" in alive.command("status").stdout
    assert alive.command("release").stdout.strip() == waits
    assert "when the fire alarm ends" not in alive.command("status").stdout
    assert json.loads(alive.command("lock-down", "south", "--json").stdout)["waits"] == "fire"
    alive.command("simulate", "fire", "off")
    mode_of_south(alive, "lock_down")
    assert "when the fire alarm ends" not in alive.command("status").stdout
    assert alive.command("release").stdout.strip() == "Done."


def test_what_is_said_while_a_fire_holds_the_doors(tmp_path: Path) -> None:
    """An unlock says why nothing is to be done; once the line is quiet `status` says when doors are secured, until it burns anew."""
    house = Premises(tmp_path)
    house.write_site(change=lambda text: text.replace("quiet_s: 1", "quiet_s: 600"))
    house.start()
    try:
        house.command("simulate", "fire", "on")
        mode_of_south(house, "fire")
        told = house.command("unlock", "south_in", "--reason", "forgot_card")
        assert told.stdout.startswith("The fire alarm holds this door released")
        assert "quiet" not in house.command("status").stdout
        house.command("simulate", "fire", "off")
        ends = ""
        deadline = time.monotonic() + PATIENCE_S
        while not ends:
            assert time.monotonic() < deadline
            ends = json.loads(house.command("status", "--json").stdout).get("fire_ends_at", "")
        at = datetime.fromisoformat(ends).astimezone(house.settings().site.tz)
        assert f"if it stays so until {at:%Y-%m-%d %H:%M:%S}, the fire is over" in house.command("status").stdout
        house.command("simulate", "fire", "on")
        while "quiet" in house.command("status").stdout:
            assert time.monotonic() < deadline
    finally:
        house.kill()


def test_doctor_tells_a_fault_of_the_settings_once(tmp_path: Path) -> None:
    """By its place in the file, and not by the word of the gateway that goes on without that wire as well."""
    house = Premises(tmp_path)
    house.write_site(
        change=lambda text: text.replace("exit_button: {controller: sim1, door: 1}", "exit_button: {controller: sim1, input: 9}")
    )
    house.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "config.not_there" not in house.command("status").stdout:
            assert time.monotonic() < deadline
        found = json.loads(house.command("doctor", "--json").stdout)["findings"]
    finally:
        house.kill()
    assert [one["code"] for one in found].count("settings_fault") == 1
    assert "config.not_there" not in [one["subject"] for one in found]


def test_a_fault_of_a_door_says_what_it_is(alive: Premises) -> None:
    """Unknown cards without end: `status` names the fault and the reader."""
    for number in range(STRANGERS + 1):
        alive.command("simulate", "card", "south_in", f"fc:7,{number}")
    alive.wait_for("door.fault", what="unknown_cards", access_point="south_in", phase="begin")
    assert "Alarm: too many unknown cards south south_in since" in alive.command("status").stdout


def test_simulate(alive: Premises) -> None:
    """A whole passage, the exit button on an input, the fire line; what is not there is refused."""
    told = alive.command("simulate", "card", "north_in", CARD)
    seq = alive.wait_for("access.granted", access_point="north_in", reason="granted")["sequence"]
    assert (told.returncode, told.stdout.splitlines()) == (0, [f"#{int(seq)} granted", say("en", "why_granted")])
    alive.wait_for("door.released", access_point="north_in")
    assert alive.command("simulate", "contact", "north", "open").returncode == 0
    alive.wait_for("passage.entry", simulated=True)
    assert alive.command("simulate", "contact", "north", "closed").returncode == 0
    assert alive.command("simulate", "face", "north_in", "1001", "--needs-card").returncode == 0
    alive.wait_for("access.denied", reason="needs_second_factor", method=["face"], simulated=True)
    assert alive.command("simulate", "face", "north_in", "nobody").returncode != 0
    for what, reason in ((("card", "north_in", STRANGER), "unknown_credential"), (("misread", "north_in"), "misread")):
        first, second = alive.command("simulate", *what).stdout.splitlines()
        assert ("denied · " in first, second) == (True, say("en", f"why_{reason}"))
    assert "granted · exit button" in alive.command("simulate", "rex", "--live", "south").stdout
    alive.wait_for("access.granted", reason="rex", door="south")
    assert alive.command("simulate", "fire", "on").returncode == 0
    alive.wait_for("site.fire", phase="begin")
    assert alive.command("simulate", "fire", "off").returncode == 0
    alive.wait_for("site.fire", phase="end")
    assert alive.command("simulate", "pin", "north_in", "--number", "730418").returncode == 0
    assert alive.command("simulate", "card", "nowhere", CARD).returncode == 2
    assert alive.command("simulate", "card", "north_in", "fc:999,1").returncode == 2
    assert "42220" not in alive.log
    assert "730418" not in alive.log


def test_simulate_what_devices_say(alive: Premises) -> None:
    """A code, a misread, covers and supplies are told as such and marked; a code stands in no log."""
    assert alive.command("simulate", "qr", "north_in", "7KQ29XBM").returncode == 0
    alive.wait_for("access.denied", reason="unknown_credential", simulated=True, method=["qr"])
    assert alive.command("simulate", "misread", "north_in").returncode == 0
    alive.wait_for("access.denied", reason="misread", simulated=True)
    for state, phase in (("on", "begin"), ("off", "end")):
        assert alive.command("simulate", "tamper", "sim1", state, "--reader", "1").returncode == 0
        alive.wait_for("door.tamper", phase=phase, simulated=True)
    for state, phase in (("failed", "begin"), ("ok", "end")):
        assert alive.command("simulate", "power", "sim1", state).returncode == 0
        alive.wait_for("door.power", phase=phase, simulated=True)
    assert alive.command("simulate", "pass", "north", "in").returncode == 1  # not wired
    assert alive.command("simulate", "desk").returncode == 1
    assert alive.command("simulate", "power", "nowhere", "ok").returncode == 2
    assert alive.command("simulate", "qr", "north_in", "七").returncode == 2
    assert "7KQ29XBM" not in alive.log


def test_events(alive: Premises) -> None:
    """As lines for people, as CloudEvents for programs, and as they come."""
    lines = alive.command("events", "--last", "2").stdout.splitlines()
    assert len(lines) == 2
    event = json.loads(alive.command("events", "--last", "1", "--json").stdout)
    assert event["specversion"] == "1.0"
    line = (sys.executable, "-m", "edge", "events", "--follow", "--last", "0", "--json", "--config", str(alive.config))
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        # The follower may begin late on a slow machine: open again (a second press of a button is no new event) until it hears something.
        for _ in range(50):
            alive.command("unlock", "north_out", "--reason", "service")
            if select.select([following.stdout], [], [], 1.0)[0]:
                break
        assert json.loads(following.stdout.readline())["sequence"]
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0


def test_roster_verbs(alive: Premises) -> None:
    """Diff, apply, refusal, rollback, export: each with its words and its exit code."""
    good = (alive.folder / "roster/roster.csv").read_text(encoding="utf-8")
    assert json.loads(alive.command("roster", "diff", "--json").stdout)["diff"]["added"] == []
    alive.write_roster(good.replace("2099-12-31", "soon"))
    refused = alive.command("roster", "apply")
    assert refused.returncode == 1
    assert "what was in force stays" in refused.stdout
    alive.write_roster("\n".join(good.splitlines()[:2]) + "\n")
    alive.wait_for("roster.refused", reason="too_many_removed")
    waits = [alive.command("roster", "check", *more) for more in ((), ("--json",))]
    code = json.loads(waits[1].stdout)["diff"]["code"]
    assert [told.returncode for told in waits] == [0, 0]
    assert f"not in force yet: the gateway waits for an answer (code {code}, above): 1 people" in waits[0].stdout
    assert "fit to be applied" not in waits[0].stdout
    many = alive.command("roster", "apply")
    assert (many.returncode, "--yes" in many.stdout) == (1, True)
    assert alive.command("roster", "apply", "--yes").returncode == 0
    assert "fit to be applied" in alive.command("roster", "check").stdout
    assert alive.command("roster", "rollback").returncode == 0
    alive.write_roster(good)
    assert alive.command("roster", "apply", "--json").returncode == 0
    sheet = alive.folder / "export.csv"
    assert alive.command("roster", "export", str(sheet), "--reason", "roster_work").returncode == 0
    assert sheet.stat().st_mode & 0o777 == 0o600
    assert "730418" not in sheet.read_text(encoding="utf-8")
    assert alive.command("roster", "export", str(sheet), "--reason", "roster_work").returncode == 2


def test_audit_verify(alive: Premises) -> None:
    """The chain of the running daemon's journal holds."""
    told = json.loads(alive.command("audit", "verify", "--json").stdout)
    assert told["ok"] is True
    assert told["checked"] > 0


def test_a_second_daemon_is_refused(alive: Premises) -> None:
    """Exit code 1 and a sentence, not a traceback."""
    told = alive.shell("run")
    assert told.returncode == 1
    assert "Another daemon uses" in told.stderr
    assert "Traceback" not in told.stderr


# --- receive ---------------------------------------------------------------------------------------------------------------------------


def test_receive_wants_an_address_without_secrets(tmp_path: Path) -> None:
    """A password in the address is wrong use, and not repeated."""
    told = CliRunner().invoke(app, ["receive", "--broker", "mqtt://gate:hunter2@localhost", "--store", str(tmp_path / "x.db")])
    assert told.exit_code == 2
    assert "hunter2" not in told.output


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "gbk"])
def test_a_terminal_of_any_encoding_shows_the_whole_table(encoding: str) -> None:
    """What it cannot show comes as a number; no command ends in the middle."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "edge", "--help"], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"receive" in done.stdout
