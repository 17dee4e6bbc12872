"""The daemon's end of the control socket.

A request is one line, `{"verb": "unlock", "args": {…}}`. The answer is any number of `{"item": …}` lines and one last line,
`{"ok": true, "result": …}` or `{"ok": false, "code": "…", "message": "…"}`. A connection may ask again after the last line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from edge.control.peer import Actor, actor_of, group_ids, may_command
from edge.errors import CommandRefused

log = logging.getLogger(__name__)

Verb = Callable[[Mapping[str, object], Actor], Awaitable[object] | AsyncIterator[object]]

MAX_LINE = 64 * 1024  # the longest request is a roster command of a few hundred bytes
MAX_CONNECTIONS = 16  # a guard's screen, a `--follow` or two, the installer; more is a mistake
IDLE_S = 60.0  # who connects and says nothing is let go, so that the 16 places come free again
HEAR_S = 2.0  # who is refused has this long to ask
SLOW_S = 10.0  # who asks and does not read the answer
# Commands that change something are written to the log with their actor; the others would only fill it.
SAFE = ("what", "access_point", "door", "state", "reason", "yes")  # arguments that are never a number of a card or a PIN
READING = frozenset({"ping", "status", "waits", "events", "why", "who_may", "verify", "roster_diff", "examine", "readings"})


class ControlServer:
    """Listens at `path` for the lifetime of `run`. Peers that may not command are told so and let go."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], groups: tuple[str, ...] = ()) -> None:
        self._path = path
        self._verbs = verbs
        self._groups = groups
        self._open: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; the socket file is gone afterwards. Raises OSError when the place cannot be had."""
        allowed = group_ids(self._groups)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)  # a killed daemon leaves its file; a second daemon is kept out by the journal's lock
        server = await asyncio.start_unix_server(lambda r, w: self._accept(r, w, allowed), path=self._path, limit=MAX_LINE)
        try:
            self._path.chmod(0o660)
            if len(allowed) > 0:
                with suppress(PermissionError):  # not a member itself: root and the daemon's account can still speak
                    os.chown(self._path, -1, min(allowed))
            self.listening.set()
            await asyncio.Event().wait()
        finally:
            self.listening.clear()
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: frozenset[int]) -> None:
        task = asyncio.create_task(self._serve(reader, writer, allowed))
        self._open.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("control: a command failed by a bug", exc_info=bug)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: frozenset[int]) -> None:
        try:
            there: socket.socket = writer.get_extra_info("socket")
            actor = actor_of(there)
            refusal = None
            if not may_command(actor, allowed):
                log.warning("control: %s may not command, refused", actor)
                refusal = _no("forbidden", "only root and members of the guards' group may command")
            elif len(self._open) > MAX_CONNECTIONS:
                refusal = _no("busy", "too many connections")
            if refusal is not None:
                async with asyncio.timeout(HEAR_S):
                    await reader.readline()  # unread, its request would turn our closing into a reset that eats the answer
                await _say(writer, refusal)
                return
            while True:
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readline()
                if not line:
                    return
                await self._answer(line, actor, reader, writer)
        except (TimeoutError, ConnectionError):
            return
        except (ValueError, asyncio.LimitOverrunError):  # readline's word for a line beyond the limit
            with suppress(OSError, TimeoutError):
                await _say(writer, _no("too_long", f"a request has at most {MAX_LINE} bytes"))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, actor: Actor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
        if name not in READING:
            said = [f"{key}={args[key]}" for key in SAFE if args.get(key) and isinstance(args[key], str | bool)]
            log.info("control: %s by %s pid=%d", " ".join([name, *said]), actor, actor.pid)
        try:
            found = verb(args, actor)
            if isinstance(found, AsyncIterator):
                await _stream(found, reader, writer)
                result: object = None
            else:
                result = await found
        except CommandRefused as why:
            await _say(writer, _no(why.code, str(why)))
            return
        await _say(writer, {"ok": True, "result": result})


async def _stream(items: AsyncIterator[object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on items until they end or the other side goes away or says anything."""
    gone = asyncio.ensure_future(reader.readline())
    try:
        turn = asyncio.ensure_future(anext(items, None))
        while True:
            await asyncio.wait({gone, turn}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                turn.cancel()
                await asyncio.gather(turn, return_exceptions=True)
                return
            item = turn.result()
            if item is None:
                return
            await _say(writer, {"item": item})
            turn = asyncio.ensure_future(anext(items, None))
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError, ValueError, ConnectionError):
            await gone


async def _say(writer: asyncio.StreamWriter, message: Mapping[str, object]) -> None:
    writer.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    async with asyncio.timeout(SLOW_S):
        await writer.drain()


def _no(code: str, message: str) -> dict[str, object]:
    return {"ok": False, "code": code, "message": message}
