"""The daemon's end of the control socket.

A request is one line, `{"verb": "unlock", "args": {…}}`. The answer is any number of `{"item": …}` lines and one last line,
`{"ok": true, "result": …}` or `{"ok": false, "code": "…", "message": "…"}`. A connection may ask again after the last line.

Who asks is known by the kernel's word, and may give the commands of their roles (edge/control/roles.py). The file lets in the accounts of
every configured group and nobody else; where the file system has no access lists, the first group alone.

The file stays ours: another daemon's is never taken away, and where ours was taken away it is made anew.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edge.control.acl import let_groups
from edge.control.peer import Actor, actor_of
from edge.control.roles import Roles, right_of
from edge.errors import CommandRefused
from edge.settings import Role

log = logging.getLogger(__name__)

Verb = Callable[[Mapping[str, object], Actor], Awaitable[object] | AsyncGenerator[object, None]]

MAX_LINE = 64 * 1024  # the longest request is a roster command of a few hundred bytes
MAX_CONNECTIONS = 64  # every account's places, for more accounts than a gate has people
PLACES = 16  # of one account: a guard's screen, a `--follow` or two; more is a mistake
IDLE_S = 60.0  # who connects and says nothing is let go
LOOK_S = 3.0  # between two looks whether our file is still there: a guard who is told "no daemon" tries again after some seconds
HEAR_S = 2.0  # who is refused has this long to ask
SLOW_S = 10.0  # who asks and does not read the answer
FEW = 200  # rows of an answer that are written in the loop: less than a millisecond
# Commands that change something are written to the log with their actor; the others would only fill it.
SAFE = ("what", "access_point", "door", "state", "reason", "yes", "live")  # arguments that are never a number of a card or a PIN
READING = frozenset({"ping", "status", "waits", "events", "why", "who_may", "verify", "roster_diff", "forget_ask", "examine"})


@dataclass(slots=True)
class _Place:
    """A connection that is served: whose it is, and whether it waits for its next request."""

    uid: int
    idle: bool = True


class ControlServer:
    """Listens at `path` for the lifetime of `run`. Peers that may not command are told so and let go."""

    def __init__(
        self, path: Path, verbs: Mapping[str, Verb], members: Mapping[Role, tuple[str, ...]] | None = None, words: Collection[str] = ()
    ) -> None:
        """`members` has the groups of each role; `words` are the names and codes that may be logged as arguments: no other text is."""
        self._path = path
        self._verbs = verbs
        self._members = members or {}
        self._words = frozenset(words) | {"yes"}
        self._open: dict[asyncio.Task[None], _Place | None] = {}
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; our file is gone afterwards. Raises OSError where the place cannot be had: another daemon has it."""
        roles = Roles(self._members)
        try:
            while True:
                await self._listen(roles)
                log.warning("control: %s was taken away; making it anew", self._path)
        finally:
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _listen(self, roles: Roles) -> None:
        """Take connections for as long as the file at our place is the one that we made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _clear(self._path)
        with socket.socket(socket.AF_UNIX) as ours:
            ours.bind(str(self._path))
            made = _file(self._path)
            self._path.chmod(0o660)
            self._let_in(roles.groups)
            server = await asyncio.start_unix_server(lambda r, w: self._accept(r, w, roles), sock=ours, limit=MAX_LINE)
            self.listening.set()
            try:
                while _file(self._path) == made:  # noqa: ASYNC110 - the file system has no event for us
                    await asyncio.sleep(LOOK_S)
            finally:
                self.listening.clear()
                if _file(self._path) == made:
                    self._path.unlink(missing_ok=True)
                server.close()

    def _let_in(self, groups: frozenset[int]) -> None:
        """Let every group reach the socket: pass through its folder, and write to it."""
        if not groups:
            return
        try:
            let_groups(self._path, groups, 6)
            let_groups(self._path.parent, groups, 1)
        except OSError as why:
            log.warning("control: only one group reaches %s (%s)", self._path, why.strerror)
            with suppress(PermissionError):  # not a member itself: root and the daemon's account can still speak
                os.chown(self._path, -1, min(groups))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, roles: Roles) -> None:
        task = asyncio.create_task(self._serve(reader, writer, roles))
        self._open[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("control: a command failed by a bug", exc_info=bug)

    def _place(self, actor: Actor) -> _Place | None:
        """A place for this account, if need be that of a connection which only waits: its own, else of whoever has the most. None: none."""
        held = [(task, place) for task, place in self._open.items() if place is not None]
        own = [(task, place) for task, place in held if place.uid == actor.uid]
        if len(own) < PLACES and len(held) < MAX_CONNECTIONS:
            return _Place(actor.uid)
        counts = {place.uid: sum(other.uid == place.uid for _, other in held) for _, place in held}
        among = own if len(own) >= PLACES else sorted(held, key=lambda one: -counts[one[1].uid])
        for task, place in among:
            if place.idle:
                self._open[task] = None
                task.cancel()
                return _Place(actor.uid)
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, roles: Roles) -> None:
        try:
            there: socket.socket = writer.get_extra_info("socket")
            actor = actor_of(there)
            refusal = place = None
            if not roles.of(actor):
                log.warning("control: %s may not command, refused", actor)
                refusal = _no("forbidden", "only root and members of the groups with a role may command")
            elif (place := self._place(actor)) is None:
                refusal = _no("busy", "too many connections")
            if place is None:
                async with asyncio.timeout(HEAR_S):
                    await reader.readline()  # unread, its request would turn our closing into a reset that eats the answer
                await _say(writer, refusal or {})
                return
            task = asyncio.current_task()
            if task is not None:
                self._open[task] = place
            while True:
                place.idle = True
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readline()
                place.idle = False
                if not line:
                    return
                await self._answer(line, actor, roles, reader, writer)
        except (TimeoutError, ConnectionError):
            return
        except (ValueError, asyncio.LimitOverrunError):  # readline's word for a line beyond the limit
            with suppress(OSError, TimeoutError):
                await _say(writer, _no("too_long", f"a request has at most {MAX_LINE} bytes"))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, actor: Actor, roles: Roles, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(line)
            name, args = request["verb"], request.get("args", {})
            verb = self._verbs[name] if isinstance(name, str) and isinstance(args, dict) else None
        except (ValueError, TypeError, AttributeError, RecursionError):
            verb, name, args = None, "", {}
        except KeyError:
            verb = None
            name, args = "", {}
        if verb is None:
            await _say(writer, _no("unknown_verb", f"expected one line of JSON with a verb of: {', '.join(sorted(self._verbs))}"))
            return
        right = right_of(name, args)
        kind = roles.kind(actor, right)
        if kind is None:
            log.warning("control: %s by %s pid=%d refused: %s may", right, actor, actor.pid, roles.who(right))
            await _say(writer, _no("other_role", roles.who(right)))
            return
        if name not in READING:
            said = [f"{key}={args[key]}" for key in SAFE if args.get(key) is True or str(args.get(key)) in self._words]
            log.info("control: %s by %s pid=%d", " ".join([name, *said]), actor, actor.pid)
        try:
            found = verb(args, replace(actor, kind=kind))
            if isinstance(found, AsyncGenerator):
                await _stream(found, reader, writer)
                result: object = None
            else:
                result = await found
        except CommandRefused as why:
            await _say(writer, _no(why.code, str(why)))
            return
        await _say(writer, {"ok": True, "result": result})


def _clear(path: Path) -> None:
    """Take away what is at this place, such as the file of a killed daemon. Raises OSError where a daemon listens, or it cannot be done."""
    if path.is_socket() and not path.is_symlink():
        try:
            with socket.socket(socket.AF_UNIX) as there:
                there.setblocking(False)
                there.connect(str(path))
        except BlockingIOError:
            pass  # it listens, and is too busy to take one more
        except OSError:
            path.unlink(missing_ok=True)
            return
        raise OSError(errno.EADDRINUSE, "another daemon listens here", str(path))
    path.unlink(missing_ok=True)


def _file(path: Path) -> tuple[int, int] | None:
    """Which file is at this place; None for none that can be looked at. A bound socket's number is not given to another file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


async def _stream(items: AsyncGenerator[object, None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on items until they end or the other side goes away or says anything. The generator runs in one task and is closed there."""
    gone = asyncio.ensure_future(reader.readline())
    told = asyncio.ensure_future(_tell(items, writer))
    try:
        await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            told.result()
    finally:
        gone.cancel()
        told.cancel()
        await asyncio.gather(gone, told, return_exceptions=True)


async def _tell(items: AsyncGenerator[object, None], writer: asyncio.StreamWriter) -> None:
    async with aclosing(items):
        async for item in items:
            await _say(writer, {"item": item})


async def _say(writer: asyncio.StreamWriter, message: Mapping[str, object]) -> None:
    result = message.get("result")
    if isinstance(result, list) and len(result) > FEW:
        line = await asyncio.to_thread(_long, message, result)
    else:
        line = _json(message)
    writer.write(line + b"\n")
    async with asyncio.timeout(SLOW_S):
        await writer.drain()


def _long(message: Mapping[str, object], rows: list[object]) -> bytes:
    """The same JSON row by row: one call for all of it would hold the interpreter, and so the doors, for its whole length."""
    head, tail = _json({**message, "result": []}).split(b"[]", 1)
    return b"%b[%b]%b" % (head, b",".join(map(_json, rows)), tail)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _no(code: str, message: str) -> dict[str, object]:
    return {"ok": False, "code": code, "message": message}
