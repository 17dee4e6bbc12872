"""The udev rules: every line is one that udev understands, and they keep off who would take our ports."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

RULES = Path(__file__).parent.parent / "systemd" / "60-anyu-edge.rules"
MASKS = RULES.with_name("anyu-edge.tmpfiles")
MATCH = {"ACTION", "SUBSYSTEM", "KERNEL"}
ASSIGN = {"GROUP", "MODE", "SYMLINK", "GOTO", "LABEL"}
PAIR = re.compile(r'([A-Z]+)(?:\{([A-Za-z0-9_]+)\})?(==|!=|\+=|:=|=)"([^"]*)"')


def rules() -> list[list[tuple[str, str, str, str]]]:
    """Each rule as (key, what stands in braces, operator, value)."""
    lines = [line for line in RULES.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for line in lines:
        pieces = [piece.strip() for piece in re.split(r",\s*(?=[A-Z])", line)]
        matched = [PAIR.fullmatch(piece) for piece in pieces]
        assert all(matched), line
        found.append([(m[1], m[2] or "", m[3], m[4]) for m in matched if m])
    return found


def test_every_line_is_a_rule() -> None:
    """Known keys with the operators they take, and every GOTO has its LABEL."""
    for rule in rules():
        for key, inside, operator, _ in rule:
            if key in MATCH or (key == "ATTR"):
                assert operator in {"==", "!="}, rule
            elif key in {"ENV", "IMPORT"}:
                assert inside, rule
            else:
                assert key in ASSIGN, rule
                assert operator in {"=", "+="}, rule
    goto = {value for rule in rules() for key, _, _, value in rule if key == "GOTO"}
    assert goto == {value for rule in rules() for key, _, _, value in rule if key == "LABEL"}


def test_whose_fingers_are_kept_off() -> None:
    """ModemManager ignores every port of a gate, brltty's own rules and units are masked, and the daemon's own group may open the ports."""
    told = [{(key, inside): value for key, inside, operator, value in rule if operator != "=="} for rule in rules()]
    assert sum(("ENV", "ID_MM_DEVICE_IGNORE") in rule for rule in told) >= 5
    assert any(rule.get(("GROUP", "")) == "anyu-serial" and rule.get(("MODE", "")) == "0660" for rule in told)
    assert any(value.startswith("anyu/$env{ID_PATH}") for rule in told for value in rule.values())
    masked = [line.split()[1] for line in MASKS.read_text(encoding="utf-8").splitlines() if line.endswith("/dev/null")]
    assert {Path(path).name for path in masked} == {"85-brltty.rules", "brltty-udev.service", "brltty-device@.service"}


def test_udev_accepts_them() -> None:
    """Where udev can verify rules (from 254 on), it has nothing to say."""
    if shutil.which("udevadm") is None:
        return
    can = subprocess.run(["udevadm", "--help"], capture_output=True, text=True, check=False).stdout
    if "verify" not in can:
        return
    run = subprocess.run(["udevadm", "verify", "--no-summary", str(RULES)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "")
