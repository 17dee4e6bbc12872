"""Rights at a running gateway: every verb has its row, and what is asked of it keeps no door waiting."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from edge.control import verbs as verbs_module
from edge.control.client import ask
from edge.control.roles import LIVE, RIGHTS
from tests.premises import Premises, running, until


@pytest.fixture
def house(tmp_path: Path) -> Premises:
    """A house of two doors."""
    return Premises(tmp_path)


async def test_every_verb_has_a_row(house: Premises) -> None:
    """A verb that is added without a row is nobody's; here it is found. A row without a verb is none."""
    async with running(house.settings()) as daemon:
        assert set(daemon.control._verbs) == set(RIGHTS) - {LIVE}


async def test_who_may_leaves_the_loop_free(house: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer for everybody is made while the loop turns: it waits here until the loop has done something else."""
    turned = threading.Event()
    honest = verbs_module.who_may

    def slow(*args: object) -> object:
        loop.call_soon_threadsafe(turned.set)
        assert turned.wait(20)
        return honest(*args)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(verbs_module, "who_may", slow)
    async with running(house.settings()) as daemon:
        loop = asyncio.get_running_loop()
        await until(lambda: daemon.roster.book.version)
        point = next(iter(daemon.settings.access_points))
        rows = await asyncio.to_thread(ask, daemon.settings.run_dir / "control.sock", "who_may", access_point=point)
    assert isinstance(rows, list)
    assert rows
    assert turned.is_set()
