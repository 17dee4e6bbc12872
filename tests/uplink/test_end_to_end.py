"""From the journal through a real broker into the centre's database, and the acknowledgement back."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.journal import Journal
from tests.uplink.conftest import Mosquitto, put, receiver_of, running, settings, until, uplink_of

pytestmark = pytest.mark.peer("mosquitto")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_everything_arrives_once_and_is_acknowledged(mosquitto: Mosquitto, journal: Journal, tmp_path: Path, protocol: str) -> None:
    """Backlog and live events all reach the centre's disk, and the journal learns of it."""
    put(journal, 1_000)
    uplink = uplink_of(journal, settings(mosquitto.port, protocol=protocol))
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db")
    async with running(uplink.run, receiver.run):
        await until(lambda: uplink.view().connected)
        put(journal, 10, start=1_000)
        await until(lambda: journal.acked()["centre"] == 1_010)
        summary = receiver.summary()
        assert (summary.received, summary.gaps, summary.missing) == (1_010, 0, 0)
        assert uplink.complaints() == ()
