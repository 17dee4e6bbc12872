"""The control socket: who may speak, what a line may be, and what happens when the other side goes away."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.control import server as server_module
from edge.control.client import ask, follow
from edge.control.peer import Actor, group_ids, may_command
from edge.control.server import MAX_CONNECTIONS, MAX_LINE, ControlServer
from edge.errors import CommandRefused, NoDaemon


class Desk:
    """A few verbs, as a daemon would have them."""

    def __init__(self) -> None:
        self.actors: list[Actor] = []
        self.closed = asyncio.Event()

    async def ping(self, args: Mapping[str, object], actor: Actor) -> object:
        """Say what was said."""
        self.actors.append(actor)
        return dict(args)

    async def refuse(self, args: Mapping[str, object], actor: Actor) -> object:
        """Say no."""
        raise CommandRefused("unknown_place", "没有这个通行点")

    async def broken(self, args: Mapping[str, object], actor: Actor) -> object:
        """Fail by a bug."""
        raise ZeroDivisionError

    async def events(self, args: Mapping[str, object], actor: Actor) -> AsyncIterator[object]:
        """Three items, then wait for ever."""
        try:
            for number in range(3):
                yield {"seq": number}
            await asyncio.Event().wait()
        finally:
            self.closed.set()


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[Desk]:
    """A server at `path`."""
    desk = Desk()
    verbs = {"ping": desk.ping, "refuse": desk.refuse, "broken": desk.broken, "events": desk.events}
    server = ControlServer(path, verbs)  # type: ignore[arg-type]  # an async generator function is an AsyncIterator once called
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(20):
            await server.listening.wait()
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


STRANGER = """
import os, socket, sys
os.setgroups([int(group) for group in sys.argv[2].split(",") if group]); os.setgid(54321); os.setuid(54321)
there = socket.socket(socket.AF_UNIX); there.connect(sys.argv[1])
there.sendall(b'{"verb": "ping"}\\n'); print(there.recv(65536).decode())
"""


def here(path: Path) -> bool:
    """Whether the file is there."""
    return path.exists()


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o777


def open_up(path: Path) -> None:
    """Let a stranger as far as the check of who it is."""
    path.parent.chmod(0o755)
    path.chmod(0o666)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket is."""
    return tmp_path / "run" / "control.sock"


async def talk(path: Path, *lines: bytes) -> list[dict[str, object]]:
    """Send lines as they are, and read until the other side closes or as many answers came."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2 * MAX_LINE)
    for line in lines:
        writer.write(line)
    answers = []
    async with asyncio.timeout(20):
        while len(answers) < len(lines) and (answer := await reader.readline()):
            answers.append(json.loads(answer))
    writer.close()
    return answers


async def test_a_command_is_answered_and_its_actor_known(path: Path) -> None:
    """What is asked comes back, and the daemon knows the account and process by the kernel's word."""
    async with listening(path) as desk:
        assert await asyncio.to_thread(ask, path, "ping", who="门卫") == {"who": "门卫"}
    assert [(actor.uid, actor.pid) for actor in desk.actors] == [(os.getuid(), os.getpid())]
    assert str(desk.actors[0]).endswith(f"(uid={os.getuid()})")
    assert not here(path)


async def test_the_socket_is_closed_to_others(path: Path) -> None:
    """Nobody outside owner and group can even connect."""
    async with listening(path):
        assert mode(path) == 0o660


async def test_refusals_come_back_with_a_code(path: Path) -> None:
    """A refused command raises with the code for programs and the words for people."""
    async with listening(path):
        with pytest.raises(CommandRefused, match="没有这个通行点") as refused:
            await asyncio.to_thread(ask, path, "refuse")
        assert refused.value.code == "unknown_place"
        with pytest.raises(CommandRefused) as refused:
            await asyncio.to_thread(ask, path, "dance")
        assert refused.value.code == "unknown_verb"


@pytest.mark.parametrize(
    "line",
    [b"\n", b"{}\n", b"[1]\n", b'"ping"\n', b"\xff\xfe\n", b'{"verb": ["ping"]}\n', b'{"verb": "ping", "args": 3}\n', b"[" * 20000 + b"\n"],
)
async def test_nonsense_is_refused_and_the_next_line_is_heard(path: Path, line: bytes) -> None:
    """A line that is no request costs one refusal and nothing else."""
    async with listening(path):
        first, second = await talk(path, line, b'{"verb": "ping"}\n')
    assert first["code"] == "unknown_verb"
    assert second == {"ok": True, "result": {}}


async def test_an_oversize_line_ends_the_connection(path: Path) -> None:
    """A line past the bound is not read to its end; others go on."""
    async with listening(path):
        answers = await talk(path, b"x" * (2 * MAX_LINE) + b"\n", b'{"verb": "ping"}\n')
        assert [answer["code"] for answer in answers] == ["too_long"]
        assert await asyncio.to_thread(ask, path, "ping") == {}


async def test_a_stranger_is_told_and_let_go(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An account outside root, the daemon's own and the guards is refused before it says anything."""
    monkeypatch.setattr(server_module, "may_command", lambda actor, groups: False)
    async with listening(path) as desk:
        with pytest.raises(CommandRefused) as refused:
            await asyncio.to_thread(ask, path, "ping")
    assert refused.value.code == "forbidden"
    assert desk.actors == []
    assert "may not command" in caplog.text


def test_who_may_command() -> None:
    """Root, the daemon's account, and whoever belongs to one of the groups, by whichever of their groups."""
    groups = frozenset({700})
    other = os.geteuid() + 4000
    assert may_command(Actor(0, 1, frozenset()), groups)
    assert may_command(Actor(os.geteuid(), 1, frozenset()), groups)
    assert may_command(Actor(other, 1, frozenset({100, 700})), groups)
    assert not may_command(Actor(other, 1, frozenset({100})), groups)
    assert not may_command(Actor(other, 1, frozenset()), frozenset())
    assert group_ids(["root", "no_such_group_here"]) == {0}


async def test_a_real_stranger_and_a_real_guard() -> None:
    """Processes of other accounts: without the group refused, with it (as a supplementary group) heard."""
    if os.geteuid() != 0:
        return  # only root can become somebody else; elsewhere the table above stands alone
    answers = []
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other accounts
        path = Path(folder) / "control.sock"
        server = ControlServer(path, {"ping": Desk().ping}, ("daemon",))
        task = asyncio.create_task(server.run())
        async with asyncio.timeout(20):
            await server.listening.wait()
        open_up(path)
        for groups in ("", ",".join(map(str, group_ids(["daemon"])))):
            command = (sys.executable, "-I", "-c", STRANGER, str(path), groups)
            run = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            out, _ = await asyncio.wait_for(run.communicate(), 30)
            answers.append(json.loads(out))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert answers[0]["code"] == "forbidden"
    assert answers[1] == {"ok": True, "result": {}}


async def test_items_come_as_they_are_and_end_with_the_follower(path: Path) -> None:
    """A follower that goes away ends its stream in the daemon."""

    def three() -> list[object]:
        items = follow(path, "events")
        return [next(items) for _ in range(3)]

    async with listening(path) as desk:
        assert await asyncio.to_thread(three) == [{"seq": 0}, {"seq": 1}, {"seq": 2}]
        async with asyncio.timeout(20):
            await desk.closed.wait()


async def test_a_bug_in_a_command_costs_one_connection(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The daemon goes on, the traceback is in the log, the client knows that it got no answer."""
    async with listening(path):
        with pytest.raises(NoDaemon, match="closed without an answer"):
            await asyncio.to_thread(ask, path, "broken")
        assert await asyncio.to_thread(ask, path, "ping") == {}
    assert any(record.exc_info for record in caplog.records)


async def test_too_many_connections(path: Path) -> None:
    """The seventeenth is told to come back; a place comes free when somebody leaves."""
    async with listening(path):
        held = [await asyncio.open_unix_connection(str(path)) for _ in range(MAX_CONNECTIONS)]
        for reader, writer in held:
            writer.write(b'{"verb": "ping"}\n')
            async with asyncio.timeout(20):
                await reader.readline()
        assert (await talk(path, b'{"verb": "ping"}\n'))[0]["code"] == "busy"
        held[0][1].close()
        async with asyncio.timeout(20):
            while (await talk(path, b'{"verb": "ping"}\n'))[0].get("code") == "busy":
                pass
        for _, writer in held[1:]:
            writer.close()


async def test_whoever_says_nothing_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle connection is closed."""
    monkeypatch.setattr(server_module, "IDLE_S", 0.05)
    async with listening(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


def test_without_a_daemon(path: Path) -> None:
    """No socket, and a socket whose daemon was killed, both say that there is no daemon."""
    with pytest.raises(NoDaemon):
        ask(path, "ping")
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NoDaemon):
        ask(path, "ping")


async def test_a_killed_daemons_socket_is_taken_over(path: Path) -> None:
    """The file that a killed daemon leaves is no obstacle, and commands that change something are logged with their actor."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with listening(path):
        assert await asyncio.to_thread(ask, path, "ping") == {}


async def test_changing_commands_are_logged_with_their_actor(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who did it is in the log before it is done."""
    caplog.set_level(logging.INFO)
    async with listening(path):
        with pytest.raises(CommandRefused):
            await asyncio.to_thread(ask, path, "refuse", access_point="north_in", number="0013477100")
        await asyncio.to_thread(ask, path, "ping")
    assert [r.getMessage().split(" pid=")[0] for r in caplog.records if r.name == "edge.control.server"] == [
        f"control: refuse access_point=north_in by {Actor(os.getuid(), 0, frozenset())}"
    ]
