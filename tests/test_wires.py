"""What site.yaml wires to devices: over every driver and every key that names a part of one, what cannot be there is refused.

The drivers come from their table, their options from the examples of docs/devices/ and the bounds of their own models, the keys from the
settings' models: nothing here is a list of what devices have.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

import drivers
from drivers.errors import LineLost, Refused
from drivers.orders import Level, Secure
from drivers.table import Has, Locks
from edge.daemon import Daemon
from edge.gate.settings import GateSettings, Number
from edge.gate.wiring import wire
from edge.settings import Loaded, load
from edge.settings.fields import alternatives, inside
from edge.settings.wires import SLOTS, WORD, Slot, spans
from tests.drivers.rigs import with_peers

PAGES = Path(__file__).parent.parent / "docs" / "devices"
KEY = "000102030405060708090a0b0c0d0e0f"
MOST = 255  # of edge.gate.settings.Number

SITE = """\
locale: en
site: {{name: anting_01}}
state_dir: {folder}/state
run_dir: {folder}/run
roster: {{folder: {folder}/roster}}
uplink: {{broker: "mqtt://localhost", acks: {{centre: {{unsigned: true}}}}}}
controllers:
  sim: {{driver: simulated, doors: 2, readers: 2, inputs: 8}}
  device: {device}
doors:
  north:
    lock: {{controller: sim, output: 1, type: fail_secure, wiring: no}}
    free_exit: true
access_points:
  north_in: {{door: north, direction: in, reader: {{controller: sim, reader: 1}}}}
access_rules:
  - {{groups: [residents], access_points: [north_in]}}
"""
PIECES = {
    "lock": "{{{wire}, type: fail_secure, wiring: no, accept_latching: true}}",
    "guard_button": "{{{wire}, access_point: north_in}}",
}
"""What a piece of the settings needs beside its wire."""


def examples(kind: str) -> Iterator[dict[str, Any]]:
    """The options that the driver's page shows, and those with each of its numbers of things at its least and at its most."""
    page = "\n".join(re.findall(r"```yaml\n(.*?)```", (PAGES / f"{kind}.md").read_text(encoding="utf-8"), re.DOTALL))
    found = [given for given in YAML(typ="safe").load(page)["controllers"].values() if given["driver"] == kind]
    assert found
    for shown in found:
        if kind == "osdp":  # keys are no part of a page
            shown["readers"] = [{**reader, "key": KEY} for reader in shown["readers"]]
        yield shown
        yield from sizes(shown)


def sizes(shown: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same with more, with fewer and with none, as its options allow."""
    for name, field in drivers.options(shown["driver"]).model_fields.items():
        if name in Has.__dataclass_fields__:
            bounds = [mark.ge if isinstance(mark, Ge) else mark.le for mark in field.metadata if isinstance(mark, Ge | Le)]
            switch = [True, False] if field.annotation is bool else []
            for value in (*bounds, *switch):
                with suppress(ValidationError):  # this number goes with another option
                    options_of({**shown, name: value})
                    yield {**shown, name: value}


def options_of(given: Mapping[str, Any]) -> BaseModel:
    """The same as the driver takes it."""
    return drivers.options(given["driver"]).model_validate({key: value for key, value in given.items() if key != "driver"})


def site(folder: Path, device: Mapping[str, Any], slot: Slot, number: int) -> tuple[Path, int, int]:
    """A site.yaml that is good but for `number` in this slot; the file, and line and column of the number."""
    wire = f"controller: device, {slot.key}: {number}"
    piece = PIECES.get(str(slot.piece[-1]), "{{{wire}}}").format(wire=wire)
    text = SITE.format(folder=folder, device=json.dumps(device))
    if len(slot.piece) == 1:
        text += f"{slot.piece[0]}: {piece}\n"
    else:
        old = {"lock": r"lock: {.*}", "reader": r"reader: {[^{}]*}"}.get(str(slot.piece[-1]), "free_exit: true")
        extra = "\n    free_exit: true" if old == "free_exit: true" else ""
        text = re.sub(old, lambda _: f"{slot.piece[-1]}: {piece}{extra}", text, count=1)
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)  # a bus has keys
    (line,) = [count for count, each in enumerate(text.splitlines(), 1) if wire in each]
    return path, line, text.splitlines()[line - 1].index(wire) + len(wire) - len(str(number)) + 1


def absent(there: Collection[int]) -> set[int]:
    """Numbers that are not there, next to those that are first of all."""
    near = {number + step for number in there for step in (-1, 1)} | {1, 2, MOST}
    return {number for number in near if 1 <= number <= MOST and number not in there}


def wired(loaded: Loaded, slot: Slot) -> Any:
    """The number that the daemon will use for this slot; None where it goes without."""
    here: Any = loaded.settings
    for step in (*slot.piece, slot.key):
        here = next(iter(here.values())) if step == "*" else getattr(here, str(step), None)
    return here


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: ".".join((*slot.piece[:: max(1, len(slot.piece) - 1)], slot.key)))
@pytest.mark.parametrize("kind", with_peers(drivers.KINDS))
def test_what_cannot_be_there_is_refused_and_what_is_there_passes(tmp_path: Path, kind: str, slot: Slot) -> None:
    """For every driver with every size of it: at the number's own line and column, in `check`; `run` goes on without that wire."""
    for device in examples(kind):
        there = getattr(drivers.has(options_of(device)), slot.has)
        sample = {min(there), max(there)} if there else set()
        for number in sorted(sample | absent(there)):
            path, line, column = site(tmp_path, device, slot, number)
            found = load(path, {})
            if slot.wire == "lock" and drivers.KINDS[kind].locks is Locks.NONE:
                assert [fault.code for fault in found.faults] == ["drives_no_lock"]
            elif number in there:
                assert [fault.text("en") for fault in found.faults] == []
                assert wired(found, slot) == number
            else:
                (fault,) = found.faults
                assert (fault.code, fault.place.line, fault.place.column) == (f"has_no_{slot.has}", line, column)
                assert found.degraded == (WORD,)
                assert found.settings is not None
                assert wired(found, slot) == (number if slot.wire == "lock" else None)


def test_every_number_of_a_device_in_the_settings_is_looked_at() -> None:
    """A key of the settings' models that holds a reader, output, input or door of a device is a slot."""
    found = set()

    def look(kind: object, path: tuple[str, ...]) -> None:
        for plain in alternatives(kind):
            if isinstance(plain, type) and issubclass(plain, BaseModel):
                for name, field in plain.model_fields.items():
                    if str(Number.__metadata__[0].metadata) in str(field):
                        found.add((*path, name))
                    look(field.annotation, (*path, name))
            else:
                for below in inside(plain, "*", {}):
                    look(below, (*path, "*"))

    look(GateSettings, ())
    assert found == {(*slot.piece, slot.key) for slot in SLOTS}


@pytest.mark.parametrize("kind", with_peers(drivers.KINDS))
async def test_a_driver_obeys_for_the_locks_that_it_declares(kind: str) -> None:
    """An order for a lock that is declared meets a line that is down; for any other number it is refused."""
    for device in examples(kind):
        made = options_of(device)
        has = drivers.has(made)
        locks = {*has.outputs, *has.doors}
        controller = drivers.make(kind, made, dict.fromkeys({*locks, *absent(locks)}, Level.DEENERGISED))
        for number in locks | absent(locks):
            with pytest.raises(LineLost if number in locks else Refused):
                await controller.send(Secure(number))


@pytest.mark.parametrize("wiring", ["no", "nc"])
@pytest.mark.parametrize("lock", ["fail_safe", "fail_secure"])
@pytest.mark.parametrize("kind", with_peers(drivers.KINDS))
def test_what_check_lets_pass_can_be_driven(tmp_path: Path, kind: str, lock: str, wiring: str) -> None:
    """Every lock in every wiring: the controller can be made, or its wiring was refused at its place."""
    for device in examples(kind):
        path, line, _ = site(tmp_path, device, SLOTS[0], 1)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("type: fail_secure, wiring: no", f"type: {lock}, wiring: {wiring}", 1), encoding="utf-8")
        found = load(path, {})
        if found.settings is None:
            (fault,) = found.faults
            assert (fault.code, fault.place.line) in {("must_rest", line), ("drives_no_lock", line)}
        else:
            plan = wire(found.settings, found.settings.site.tz).controllers["device"]
            assert drivers.make(plan.kind, plan.options, plan.secured)


def test_what_could_stand_there_is_said_in_both_languages(tmp_path: Path) -> None:
    """The message names what the devices of this site have, by the keys of site.yaml."""
    slot = next(slot for slot in SLOTS if slot.piece == ("guard_button",))
    path, line, column = site(tmp_path, {"driver": "lcus", "port": "/dev/serial/by-id/x", "outputs": 2}, slot, 1)
    (fault,) = load(path, {}).faults
    assert fault.message("en") == "controller 'device' (lcus) has no input 1. What can stand here: sim: input 1-8."
    assert fault.message("zh") == "控制器“device”（lcus）没有输入 1。这里能写的：sim: input 1-8。"
    path.write_text(path.read_text(encoding="utf-8").replace("inputs: 8", "inputs: 0"), encoding="utf-8")
    (fault,) = load(path, {}).faults
    assert (fault.place.line, fault.place.column) == (line, column)
    assert fault.message("en") == "controller 'device' (lcus) has no input 1. No device of controllers has one."


@pytest.mark.parametrize("text", ["'9'", "9.0"])
def test_a_number_that_is_written_as_text_is_looked_at(tmp_path: Path, text: str) -> None:
    """Quoted, or from the environment: it is the number that the settings take it for."""
    slot = SLOTS[-1]
    path, _, _ = site(tmp_path, {"driver": "simulated"}, slot, 1)
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("input: 1,", f"input: {text},"), encoding="utf-8")
    assert [fault.code for fault in load(path, {}).faults] == ["has_no_inputs"]
    path.write_text(good, encoding="utf-8")
    assert [fault.code for fault in load(path, {"ANYU_GUARD_BUTTON__INPUT": "9"}).faults] == ["has_no_inputs"]


def test_a_site_that_ran_before_still_runs(tmp_path: Path) -> None:
    """A board without inputs as button, contact, fire line and desk button: the doors open, and the daemon says the word."""
    (tmp_path / "roster").mkdir()
    text = SITE.format(folder=tmp_path, device="{driver: lcus, port: /dev/serial/by-id/x, outputs: 1}")
    text = text.replace("free_exit: true", "exit_button: {controller: device, input: 1}\n    contact: {controller: device, input: 2}")
    text += "fire: {controller: device, input: 3}\nguard_button: {controller: device, input: 4, access_point: north_in}\n"
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    found = load(path, {})
    assert [fault.code for fault in found.faults] == ["has_no_inputs"] * 4
    assert found.settings is not None
    daemon = Daemon(found.settings, environ={}, degraded=found.degraded)
    try:
        assert not daemon.wiring.inputs
        asyncio.run(_looked(daemon))
        assert WORD in daemon.condition.words()
    finally:
        daemon.close()


async def _looked(daemon: Daemon) -> None:
    """Let the daemon look at its condition for long enough to believe it."""
    while WORD not in daemon.condition.words():
        daemon.condition.look()
        await asyncio.sleep(0.1)


def test_a_button_that_is_only_played_beside_a_real_lock_is_worth_a_look(tmp_path: Path) -> None:
    """A warning for each wire on a simulated device at a door with a real lock; none where everything is played."""
    path, _, _ = site(tmp_path, {"driver": "lcus", "port": "/dev/serial/by-id/x", "outputs": 2}, SLOTS[0], 1)
    text = path.read_text(encoding="utf-8").replace("free_exit: true", "exit_button: {controller: sim, input: 1}")
    path.write_text(text + "fire: {controller: sim, input: 2}\n", encoding="utf-8")
    told = [(fault.code, fault.path) for fault in load(path, {}).warnings]
    wires = (("doors", "north", "exit_button"), ("access_points", "north_in", "reader"), ("fire",))
    assert told == [("only_simulated", (*wire, "controller")) for wire in wires]
    path.write_text(path.read_text(encoding="utf-8").replace("lock: {controller: device", "lock: {controller: sim"), encoding="utf-8")
    assert "only_simulated" not in {fault.code for fault in load(path, {}).warnings}


def test_one_of_two_pass_contacts_goes_on(tmp_path: Path) -> None:
    """Only the input that is not there is left out."""
    slot = next(slot for slot in SLOTS if slot.key == "outward")
    path, _, _ = site(tmp_path, {"driver": "simulated"}, slot, 9)
    path.write_text(path.read_text(encoding="utf-8").replace("outward: 9", "inward: 2, outward: 9"), encoding="utf-8")
    found = load(path, {})
    assert found.settings is not None
    passes = found.settings.doors["north"].passes
    assert passes is not None
    assert (passes.inward, passes.outward) == (2, None)


def test_switches_of_the_environment_are_taken_as_they_are_meant(tmp_path: Path) -> None:
    """The text "false" is no way out of a door; a site that had it so goes on, and says it."""
    path, _, _ = site(tmp_path, {"driver": "simulated"}, SLOTS[-1], 1)
    found = load(path, {"ANYU_DOORS__NORTH__FREE_EXIT": "false"})
    assert [fault.code for fault in found.faults] == ["no_exit"]
    assert found.settings is not None
    assert found.degraded == ("config.no_exit",)


def test_numbers_as_people_write_them() -> None:
    """Runs are folded."""
    assert spans((9, 1, 2, 3)) == "1-3, 9"
    assert spans(range(1, 2)) == "1"
