"""How the daemon keeps its worker: what it believes of it, what it hears of it, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import get_args

import pytest

from edge.vision import link
from edge.vision.keeper import NotConfined, Terms, Worker, WorkerLost
from edge.vision.sighting import Message, Poor, Started
from edge.vision.task import Task

PATIENCE_S = 30.0
TASK = Task(engine="standard", weights="/nowhere", cameras=())
HEAD = f"""#!{sys.executable}
import json, os, sys, time
sys.path.insert(0, os.environ["PYTHONPATH"])
from edge.vision.confine import confine
from edge.vision.sighting import PREFIX
while os.read(0, 1) != b"\\n": pass

def say(**header):
    text = json.dumps(header).encode()
    os.write(1, PREFIX.pack(len(text), 0, 0) + text)

def started(**more):
    say(**dict(kind="started", engine="standard", runtime="opencv", space="") | more)

def beat():
    say(kind="beat", frames=0, faces=0, rss_mb=1.0)
"""


class Kept:
    """A worker with a body of the test's own, and what was heard of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, terms: Terms | None = None) -> None:
        program = folder / "worker.py"
        program.write_text(HEAD + body)
        program.chmod(0o700)
        monkeypatch.setattr(link.sys, "executable", str(program))
        self.heard: list[Message] = []
        self.lost: list[str] = []
        self.worker = Worker(TASK, self.heard.append, self.lost.append, terms or Terms(where="spawned"))

    async def ends(self) -> BaseException:
        """How it ends."""
        with pytest.raises(WorkerLost) as why:
            async with asyncio.timeout(PATIENCE_S):
                await self.worker.run()
        return why.value


@pytest.mark.parametrize("closing", ["", "os.close(0); os.close(1)"], ids=["holding the socket", "without the socket"])
async def test_children_end_with_their_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: str) -> None:
    """Children of a worker that left are killed, and a socket that they hold keeps nobody waiting."""
    body = f"""
import signal
started()
for number in range(3):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open({str(tmp_path)!r} + "/" + str(os.getpid()), "w").close()
        {closing}
        time.sleep(600)
while len(os.listdir({str(tmp_path)!r})) < 4: time.sleep(0.01)
"""
    kept = Kept(tmp_path, monkeypatch, body, Terms(where="spawned", require_sandbox=False))
    await kept.ends()
    assert kept.lost == ["ended"]
    children = [int(path.name) for path in list(tmp_path.iterdir()) if path.name.isdecimal()]  # noqa: ASYNC240 (a test)
    assert len(children) == 3
    async with asyncio.timeout(PATIENCE_S):
        while any(map(runs, children)):  # noqa: ASYNC110 (a state of others)
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is there and is more than an entry that nobody has read yet."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_its_own_word_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that says it is confined and has no filter is ended unheard, and the missing filter is a word."""
    kept = Kept(tmp_path, monkeypatch, "started(missing=[]); time.sleep(600)")
    assert isinstance(await kept.ends(), NotConfined)
    assert kept.heard == []
    assert kept.worker.finding is not None
    assert {"vision.not_confined", "vision.no_seccomp", "vision.spawned"} <= set(kept.worker.finding.words())


async def test_an_incomplete_sandbox_may_be_accepted_in_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `require_sandbox` it is heard all the same, and the words stay."""
    kept = Kept(tmp_path, monkeypatch, "started(missing=[]); beat()", Terms(where="spawned", require_sandbox=False))
    assert not isinstance(await kept.ends(), NotConfined)
    assert [message.header.kind for message in kept.heard] == ["started", "beat"]
    assert kept.worker.finding is not None
    assert "vision.no_seccomp" in kept.worker.finding.words()


async def test_a_confined_child_is_heard_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the product's own sandbox nothing is missing that this kernel has, but that it is a child."""
    kept = Kept(tmp_path, monkeypatch, "held = confine(); started(missing=held.missing); beat()")
    await kept.ends()
    assert [message.header.kind for message in kept.heard] == ["started", "beat"]
    assert kept.worker.finding is not None
    assert kept.worker.finding.whole
    assert kept.worker.finding.words()[0] == "vision.spawned"


async def test_where_landlock_is_missing_faces_are_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without Landlock's rules for files is not enough; one without its rules for ports is."""
    kept = Kept(tmp_path, monkeypatch, "confine(); started(missing=['landlock']); beat()")
    assert isinstance(await kept.ends(), NotConfined)
    assert kept.worker.finding is not None
    assert {"vision.not_confined", "vision.no_landlock"} <= set(kept.worker.finding.words())
    kept = Kept(tmp_path, monkeypatch, "confine(); started(missing=['landlock_tcp_ports']); beat()")
    await kept.ends()
    assert kept.worker.finding is not None
    assert kept.worker.finding.words() == ("vision.spawned", "vision.no_landlock_tcp_ports")
    assert len(kept.heard) == 2


async def test_a_child_must_be_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a child is not accepted none is started, and the words say why."""
    kept = Kept(tmp_path, monkeypatch, f"open({str(tmp_path / 'ran')!r}, 'w')", Terms(where="spawned", may_spawn=False))
    assert isinstance(await kept.ends(), NotConfined)
    assert not (tmp_path / "ran").exists()
    assert kept.worker.finding is not None
    assert kept.worker.finding.words() == ("vision.not_confined", "vision.spawned")


@pytest.mark.parametrize(
    "body",
    [
        "started(runtime='afCwPpFVUj8ML6k+282mv2fF')",
        "started(engine='afCwPpFVUj8ML6k+282mv2fF')",
        "started(engine='dlib')",
        "started(space='afcwppfvuj8ml6k282mv2ff')",
        "started(missing=['\\x1b]0;owned\\x07'])",
        "started(missing=['seccomp'] * 40)",
        "beat()",
    ],
)
async def test_its_first_words_are_from_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A worker whose first message is anything but Started with words of the list is garbled and unheard."""
    kept = Kept(tmp_path, monkeypatch, f"confine(); {body}; time.sleep(600)")
    assert not isinstance(await kept.ends(), NotConfined)
    assert kept.heard == []
    assert kept.lost[0].startswith("garbled")


@pytest.mark.parametrize("body", ["started(runtime='openvino')", "say(kind='camera', camera='eye', up=False, why='afCwPpFVUj8ML6k+282')"])
async def test_later_words_are_from_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """It says Started once, before it looks at anything; later it can say it no more, and no words of its own either."""
    kept = Kept(tmp_path, monkeypatch, f"confine(); started(); {body}; time.sleep(600)")
    await kept.ends()
    assert len(kept.heard) == 1
    assert kept.lost[0].startswith("garbled")


async def test_another_process_does_not_speak_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel names who wrote: a confined child of an unconfined worker is not the worker."""
    kept = Kept(tmp_path, monkeypatch, "if os.fork() == 0:\n    confine(); started(); os._exit(0)\ntime.sleep(600)")
    await kept.ends()
    assert kept.heard == []
    assert kept.lost == ["garbled (another process)"]


@pytest.mark.peer("opencv")
def test_poor_words_are_the_engines() -> None:
    """The list of the wire is that of models.quality."""
    from models.quality import Poor as Reasons

    assert set(get_args(Poor)) == {reason.value for reason in Reasons}


def test_started_takes_no_other_words() -> None:
    """Whoever makes the message in the daemon is held to the list too."""
    with pytest.raises(ValueError, match="runtime"):
        Started(engine="standard", runtime="x", space="")  # type: ignore[arg-type]


def test_nobody_is_left() -> None:
    """None of the tests above left a child of this process."""
    with contextlib.suppress(ChildProcessError):
        pid, _ = os.waitpid(-1, os.WNOHANG)
        assert pid == 0
