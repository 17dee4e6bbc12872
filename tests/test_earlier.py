"""What ran before an update goes on running: each site.yaml of an earlier version starts, and only what is faulty is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.daemon import Daemon
from edge.settings import load

EARLIER = sorted((Path(__file__).parent / "fixtures" / "settings" / "earlier").glob("*.yaml"))


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_it_starts_with_all_its_doors(path: Path, tmp_path: Path) -> None:
    """The gateway is put together, every door has its lock, and whatever `check` has against it is a word in `degraded`."""
    roster = tmp_path / "roster"
    roster.mkdir()
    found = load(path, {"ANYU_STATE_DIR": str(tmp_path / "state"), "ANYU_RUN_DIR": str(tmp_path), "ANYU_ROSTER__FOLDER": str(roster)})
    assert found.settings is not None, [fault.text("en") for fault in found.faults]
    assert all(fault.word in found.degraded for fault in found.faults)
    daemon = Daemon(found.settings, environ={}, degraded=found.degraded)
    try:
        assert {*daemon.wiring.locks.values()} == {*found.settings.doors}
    finally:
        daemon.close()


def test_only_the_wires_that_cannot_be_are_left_out() -> None:
    """Eleven of them; the reader and the locks that are there go on."""
    (path,) = (path for path in EARLIER if path.stem == "wires_that_cannot_be")
    found = load(path, {})
    assert found.settings is not None
    assert sum(fault.word == "config.not_there" for fault in found.faults) == 11
    for door in found.settings.doors.values():
        assert (door.contact, door.exit_button, door.passes) == (None, None, None)
    assert (found.settings.fire, found.settings.guard_button) == (None, None)
    readers = {name: point.reader is not None for name, point in found.settings.access_points.items()}
    assert readers == {"front_in": True, "front_out": False, "back_in": False}
