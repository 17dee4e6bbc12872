"""A broker and a gatehouse for every walk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import Centre


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto without a memory of its own."""
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Gatehouse]:
    """The devices of the gate, plugged in."""
    async with Gatehouse(tmp_path).plugged_in() as house:
        yield house


@pytest.fixture
async def centre(tmp_path: Path, broker: Mosquitto) -> AsyncIterator[Centre]:
    """The town's receiver."""
    async with Centre(broker.port, tmp_path / "centre.db").receiving() as centre:
        yield centre
