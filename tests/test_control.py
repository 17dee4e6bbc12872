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
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from drivers.readings import Back
from edge.control import server as server_module
from edge.control.client import ask, follow
from edge.control.examine import Lines
from edge.control.peer import Actor, group_ids
from edge.control.roles import LIVE, RIGHTS, Roles, right_of
from edge.control.server import MAX_LINE, PLACES, ControlServer, _Place
from edge.errors import CommandRefused, NoDaemon
from tests.premises import until


class Desk:
    """A few verbs, as a daemon would have them."""

    def __init__(self) -> None:
        self.actors: list[Actor] = []
        self.closed = asyncio.Event()
        self.lines = Lines({"board": None})

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

    async def timed(self, args: Mapping[str, object], actor: Actor) -> AsyncGenerator[object, None]:
        """One item, and no other before the time is over."""
        try:
            async with aclosing(self.lines.follow(0.3)) as items:
                asyncio.get_running_loop().call_soon(self.lines.heard, "board", Back())
                async for _ in items:
                    yield 1
        finally:
            self.closed.set()

    async def events(self, args: Mapping[str, object], actor: Actor) -> AsyncGenerator[object, None]:
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
    server = ControlServer(path, verbs, words=("north_in",))
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(20):
            await server.listening.wait()
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def here(path: Path) -> bool:
    """Whether the file is there."""
    return path.exists()


def number(path: Path) -> int:
    """Which file it is."""
    return path.lstat().st_ino


def take_away(path: Path, how: str) -> None:
    """The socket's file goes, and something else may come."""
    path.unlink()
    match how:
        case "another file":
            path.write_text("")
        case "a link":
            path.symlink_to(path.parent / "elsewhere.sock")
        case "its folder too":
            path.parent.rmdir()


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o777


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
    """Nobody outside the owner and the groups with a role can even connect."""
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


def runtime_folder(folder: Path) -> Path:
    """As systemd makes it."""
    folder.chmod(0o755)
    (folder / "run").mkdir(mode=0o750)
    return folder / "run"


def open_up(path: Path) -> None:
    """Let everybody as far as the check of who it is."""
    path.parent.chmod(0o755)
    path.chmod(0o666)


GROUPS = {"guard": ("daemon",), "manager": ("bin", "no_such_group_here"), "installer": ("sys",), "inspector": ("adm",)}
"""Groups that every machine has, one a role."""
MAY = {
    "guard": {"ping", "status", "events", "why", "waits", "who_may", "unlock", "lock_down", "release", "not_this_person"},
    "manager": {"ping", "status", "events", "why", "who_may"}
    | {"roster_diff", "roster_apply", "roster_rollback", "roster_export", "enrol_ask", "enrol", "forget_ask", "forget", "calibrate"},
    "installer": {"ping", "status", "events", "why", "waits", "unlock", "simulate", "simulate_live", "examine", "readings"},
    "inspector": {"ping", "status", "events", "why", "verify"},
}
ONCE = {role: frozenset(group_ids(names)) for role, names in GROUPS.items()}


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("right", RIGHTS)
def test_every_right_of_every_role(role: str, right: str) -> None:
    """The table as it is meant: a right that is added to it has to be added here."""
    account = Actor(os.geteuid() + 4000, 1, frozenset({100}) | ONCE[role])
    assert Roles(GROUPS).kind(account, right) == (role if right in MAY[role] else None)  # type: ignore[arg-type]  # names of roles


def test_roles_of_accounts() -> None:
    """Root and the daemon's account may all; two groups are two roles; no group and an unknown right are none."""
    roles, other = Roles(GROUPS), os.geteuid() + 4000  # type: ignore[arg-type]  # names of roles
    assert {roles.kind(Actor(0, 1, frozenset()), right) for right in RIGHTS} == {"root"}
    assert set(RIGHTS) == set().union(*MAY.values())
    both = Actor(other, 1, ONCE["guard"] | ONCE["inspector"])
    assert roles.of(both) == {"guard", "inspector"}
    assert (roles.kind(both, "unlock"), roles.kind(both, "verify"), roles.kind(both, "forget")) == ("guard", "inspector", None)
    assert roles.of(Actor(other, 1, frozenset({100}))) == frozenset()
    assert roles.kind(both, "dance") is None
    assert right_of("simulate", {"live": "yes"}) == "simulate_live"
    assert right_of("simulate", {}) == "simulate"


ASKER = """
import json, os, socket, sys
path, groups, verbs = sys.argv[1], [int(one) for one in sys.argv[2].split(",") if one], sys.argv[3].split(",")
os.setgroups(groups); os.setgid(54321); os.setuid(54321)
out = {}
with socket.socket(socket.AF_UNIX) as there:
    there.connect(path)
    answers = there.makefile("rb")
    for verb in verbs:
        there.sendall(json.dumps({"verb": verb}).encode() + b"\\n")
        line = answers.readline()
        out[verb] = json.loads(line).get("code", "ok") if line else "closed"
print(json.dumps(out))
"""


async def test_other_accounts_by_the_kernels_word() -> None:
    """A real process of each role reaches the socket through the folder and gets just its verbs; an account without a role, nothing."""
    if os.geteuid() != 0:
        return  # only root can become somebody else; elsewhere the table above stands alone
    verbs = sorted(set(RIGHTS) - {LIVE})
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other accounts
        path = runtime_folder(Path(folder)) / "control.sock"
        server = ControlServer(path, dict.fromkeys(verbs, Desk().ping), GROUPS)  # type: ignore[arg-type]  # names of roles
        task = asyncio.create_task(server.run())
        async with asyncio.timeout(20):
            await server.listening.wait()
        try:
            for role, may in MAY.items():
                found = await _asked(path, ONCE[role], verbs)
                assert found == {verb: "ok" if verb in may else "other_role" for verb in verbs}, role
            stranger = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-c", ASKER, str(path), "", "ping", stderr=subprocess.PIPE
            )
            _, said = await asyncio.wait_for(stranger.communicate(), 30)
            assert b"PermissionError" in said
            # Where anybody reaches the file, the kernel's word decides all the same.
            open_up(path)
            assert (await _asked(path, frozenset(), ["ping"])) == {"ping": "forbidden"}
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _asked(path: Path, groups: frozenset[int], verbs: list[str]) -> dict[str, str]:
    command = (sys.executable, "-I", "-c", ASKER, str(path), ",".join(map(str, groups)), ",".join(verbs))
    run = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await asyncio.wait_for(run.communicate(), 30)
    return dict(json.loads(out))


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


async def test_an_account_that_only_waits_gives_way(path: Path) -> None:
    """Idle connections shut nobody out: the oldest of them is closed for a new one. Those that are being served stay."""
    async with listening(path) as desk:
        busy = [await asyncio.open_unix_connection(str(path)) for _ in range(PLACES - 1)]
        for reader, writer in busy:
            writer.write(b'{"verb": "events"}\n')
            await asyncio.wait_for(reader.readline(), 20)
        idle, its = await asyncio.open_unix_connection(str(path))
        its.write(b'{"verb": "ping"}\n')
        await asyncio.wait_for(idle.readline(), 20)
        assert (await talk(path, b'{"verb": "ping"}\n'))[0]["ok"] is True
        assert await asyncio.wait_for(idle.read(), 20) == b""
        last, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"verb": "events"}\n')
        await asyncio.wait_for(last.readline(), 20)
        assert (await talk(path, b'{"verb": "ping"}\n'))[0]["code"] == "busy"
        assert not desk.closed.is_set()
        for _, there in (*busy, (last, writer), (idle, its)):
            there.close()


async def test_one_accounts_connections_shut_out_no_other(path: Path) -> None:
    """Whatever one account holds, another has places of its own."""
    server = ControlServer(path, {})
    held = {asyncio.ensure_future(asyncio.Event().wait()): _Place(1000, idle=False) for _ in range(PLACES)}
    server._open.update(held)  # type: ignore[arg-type]  # tasks all the same
    assert server._place(Actor(1000, 1, frozenset())) is None
    assert server._place(Actor(1001, 1, frozenset())) == _Place(1001)
    for task in held:
        task.cancel()


async def test_a_stream_with_a_time_of_its_own_ends(path: Path) -> None:
    """Also after a first item, and its generator is closed in the task that ran it."""
    desk = Desk()
    server = ControlServer(path, {"timed": desk.timed})
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(20):
        await server.listening.wait()
        assert await asyncio.to_thread(lambda: list(follow(path, "timed"))) == [1]
        await desk.closed.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_known_words_are_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever stands in an argument, no line of the log can be forged by it."""
    caplog.set_level(logging.INFO)
    async with listening(path):
        forged = "north_in\ncontrol: unlock by root(uid=0)"
        for reason in (forged, "\x1b]0;owned\x07", "emergency"):
            with pytest.raises(CommandRefused):
                await asyncio.to_thread(ask, path, "refuse", reason=reason, access_point="north_in", live="yes")
    told = [r.getMessage().split(" by ")[0] for r in caplog.records if r.name == "edge.control.server"]
    assert told == ["control: refuse access_point=north_in live=yes"] * 3


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


@pytest.mark.parametrize("taken", ["deleted", "another file", "a link", "its folder too"])
async def test_a_file_that_was_taken_away_is_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch, taken: str) -> None:
    """Whatever happened to it, commands get through again, and who followed events goes on following."""
    monkeypatch.setattr(server_module, "LOOK_S", 0.05)
    async with listening(path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        before = number(path)
        take_away(path, taken)
        await until(lambda: path.is_socket() and not path.is_symlink() and mode(path) == 0o660)
        assert await asyncio.to_thread(ask, path, "ping") == {}
        assert number(path) != before
        writer.write(b'{"verb": "ping"}\n')
        async with asyncio.timeout(20):
            assert json.loads(await reader.readline())["ok"]
        writer.close()
    assert not here(path)


async def test_two_daemons_of_one_place(path: Path) -> None:
    """The second takes nothing from the first, a first that is too busy to answer included; when the first ends, the place is free."""
    second = ControlServer(path, {})
    async with listening(path):
        made = number(path)
        with pytest.raises(OSError, match="another daemon"):
            await second.run()
        assert await asyncio.to_thread(ask, path, "ping") == {}
        assert number(path) == made
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(OSError, match="another daemon"):
            await second.run()
        assert here(path)
    async with listening(path):
        assert await asyncio.to_thread(ask, path, "ping") == {}


async def test_only_its_own_file_is_taken_away_at_the_end(path: Path) -> None:
    """What another daemon has put there meanwhile stays."""
    with socket.socket(socket.AF_UNIX) as other:
        async with listening(path):
            take_away(path, "deleted")
            other.bind(str(path))
        assert here(path)


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
