"""Whether the clock is synchronised, where the kernel may be asked and where it may not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from edge import timekeeper
from edge.timekeeper import Timekeeper
from tests.clock import HandClock


def forbidden() -> bool:
    """The kernel under ProtectClock=yes."""
    raise PermissionError(1, "Operation not permitted")


def saying(path: Path) -> tuple[str, ...]:
    """A timedated that says what stands in a file."""
    return (sys.executable, "-I", "-c", "import sys; print(open(sys.argv[1]).read())", str(path))


async def test_where_the_kernel_answers_nobody_else_is_asked() -> None:
    """The kernel's word goes first, and the unit ends at once."""
    keeper = Timekeeper(lambda: True, ("/nonexistent",))
    assert keeper.synced() is True
    await asyncio.wait_for(keeper.run(HandClock()), 20)


async def test_where_it_is_forbidden_timedated_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once at the start, then every half minute; no answer, or one that is none, is no synchronisation."""
    word = tmp_path / "word"
    word.write_text('{"type":"b","data":true}')
    clock = HandClock()
    keeper = Timekeeper(forbidden, saying(word))
    assert keeper.synced() is True
    task = asyncio.create_task(keeper.run(clock))
    await clock.settle()
    asked = asyncio.Event()
    take = keeper._take

    def taken(answer: bytes) -> None:
        take(answer)
        asked.set()

    monkeypatch.setattr(keeper, "_take", taken)
    for said, synced in (('{"type":"b","data":false}', False), ('{"type":"b","data":true}', True), ("[]", False), ("", False)):
        word.write_text(said)
        clock.advance(timekeeper.ASK_EVERY_S)
        async with asyncio.timeout(30):
            await asked.wait()
        asked.clear()
        assert keeper.synced() is synced
        await clock.settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_without_either_the_clock_is_not_synchronised(caplog: pytest.LogCaptureFixture) -> None:
    """No kernel and no timedated: said once, believed never."""
    keeper = Timekeeper(forbidden, (sys.executable, "-c", ""))
    assert keeper.synced() is False
    keeper._take(b"")
    assert len(caplog.records) == 1
