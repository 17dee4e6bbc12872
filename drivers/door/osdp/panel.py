"""The bus master: libosdp's control panel, refreshed by whoever reads the line, and a small machine per reader that keeps it from sulking.

    PROBING --- online, secure --> EMPTYING --- nothing kept --> UP
       |  no success for PROBE_S       |                          |  silent, given up by libosdp, or dropped
       v                               v                          v
    DISABLING <-------------------------------------------------- +
       |  libosdp has let go: enable again
       v
    PROBING

A reader keeps the cards and keys of an outage and tells them when it is polled again. EMPTYING drops them: nobody may be let in by a card
that was shown a while ago. A reader that was away for less than KEPT_S kept nothing old.

Left alone, libosdp leaves a reader that was restarted or has another key in peace for 300 seconds. Disabling takes effect only when it has
finished waiting for an answer, and an enable before that is refused, hence the state in between. Its Python wrapper is not used: that keeps
every event in a queue without a bound.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial

import osdp_sys
from osdp import Command, CompletionStatus, Event, LibFlag, LogLevel, PDInfo, StatusReportType

from drivers.door.osdp.channel import LineChannel
from drivers.door.osdp.options import Options
from drivers.errors import Garbled, LineLost, NoAnswer, Refused
from drivers.line import Line
from drivers.timing import Timing

log = logging.getLogger(__name__)

PROBE_S = 2.0  # a secure channel is up 0.1 to 0.5 s after the first question; libosdp's own patience with one question is 0.2 s
SILENT_S = 3.0  # a reader is polled every 50 ms; a lost one must be told within 8 s
KEPT_S = 2.0  # a card shown this long ago still has its bearer at the door
AWAY_S = 1.5  # a reader that is back sooner was not lost
EMPTYING_S = 1.0  # libosdp's peripheral tells a kept card 0.3 to 1.1 s after the wire is mended (measured), sometimes after an empty poll
BABBLING_S = 15.0  # a reader that always has something to say: a hundred kept events at one a poll are told by then

Words = Mapping[str, int | bool | bytes]
Events = Callable[[int, Mapping[str, object]], None]


class Phase(StrEnum):
    """Where the panel stands with one reader."""

    PROBING = "probing"
    EMPTYING = "emptying"
    UP = "up"
    DISABLING = "disabling"


class Panel:
    """All readers of one open line. `step` must be called every 50 ms or sooner, with the bytes that came."""

    def __init__(self, options: Options, line: Line, timing: Timing, events: Events, lost_keys: Callable[[int], None]) -> None:
        self._options = options
        self._now = timing.now
        self._events = events
        self._lost_keys = lost_keys
        self.channel = LineChannel(line, timing.now, master=True)
        flag = LibFlag.InstallMode if options.install_mode else LibFlag.EnforceSecure
        readers = [PDInfo(reader.address, self.channel, scbk=reader.scbk(), flags=[flag]).get() for reader in options.readers]
        osdp_sys.set_loglevel(LogLevel.Emergency)  # it writes to the process's own output; we say what is worth saying, once
        self._panel = osdp_sys.ControlPanel(readers)
        self._panel.set_event_callback(self._event)
        self._panel.set_command_completion_callback(self._completed)
        self._phases = [Phase.PROBING] * len(readers)
        self._since = [timing.now()] * len(readers)
        self._comes_up = [asyncio.Event() for _ in readers]  # set while UP
        self._secure_at = [float("-inf")] * len(readers)  # when each last was EMPTYING or UP
        self._up_at = [float("-inf")] * len(readers)  # when each last was UP
        self._gone_at = [float("-inf")] * len(readers)  # when each was dropped last while EMPTYING or UP
        self._emptying_since: list[float | None] = [None] * len(readers)  # None: nothing is kept any more
        self._emptied = [False] * len(readers)  # an EMPTYING reader has answered a poll with nothing
        self._dropped = [0] * len(readers)  # cards and keys that an EMPTYING reader told
        self._mute: set[int] = set()  # readers that refuse to be asked for their status
        self._strangers: dict[int, int] = {}  # readers that hold the key and another serial number, and which
        self._waiting: list[deque[asyncio.Future[int]]] = [deque() for _ in readers]

    def step(self, data: bytes) -> None:
        """Take what came, answer, and keep every reader's machine going. Raises LineLost, Garbled."""
        acknowledging = self.channel.feed(data)
        for reader, configured in enumerate(self._options.readers):
            # With no command under way, a bare acknowledgement answers a poll.
            self._emptied[reader] |= configured.address in acknowledging and not self._waiting[reader]
        try:
            self._panel.refresh()
        except SystemError as error:
            raise Garbled("the bus master has stumbled") from error
        if self.channel.lost is not None:
            raise self.channel.lost
        for reader in range(len(self._phases)):
            self._advance(reader)

    def up(self, reader: int) -> bool:
        """Whether a reader (from 0) is online over a secure channel."""
        return self._phases[reader] is Phase.UP

    def here(self, reader: int) -> bool:
        """Whether a reader is up, or was a moment ago: one damaged byte costs the secure channel, which is back within 0.6 s (measured)."""
        return self.up(reader) or self._now() - self._up_at[reader] <= AWAY_S

    def why(self, reader: int) -> str:
        """Why a reader is not up, for a person."""
        number = reader + 1
        if reader in self._strangers:
            return f"reader {number} has serial number {self._strangers[reader]}, and {self._options.readers[reader].serial} was configured"
        # What it said while it was up is no answer to a question of afterwards: a cut cable is not another key.
        if self._silent_s(reader) < SILENT_S and self._heard_at(reader) > self._gone_at[reader]:
            return f"reader {number} answers, but not over a secure channel: another key, or it has just been restarted"
        return f"reader {number} is silent"

    def has(self, reader: int, capability: int) -> bool:
        """Whether a reader says that it can do something."""
        _, items = self._panel.check_capability(reader, capability)
        return bool(items)

    def ask_status(self) -> None:
        """Ask every reader for its cover and supply. One that cannot say is not asked again: libosdp breaks with it over the refusal."""
        for reader in range(len(self._phases)):
            if self.up(reader) and reader not in self._mute and not self._waiting[reader]:
                done = self.submit(reader, {"command": Command.Status, "type": StatusReportType.Local, "report": b""})
                done.add_done_callback(partial(self._answered_status, reader))

    def _answered_status(self, reader: int, done: asyncio.Future[int]) -> None:
        if not done.cancelled() and done.result() == CompletionStatus.Failed:
            self._mute.add(reader)

    def submit(self, reader: int, command: Words) -> asyncio.Future[int]:
        """Send a command; the future gets libosdp's CompletionStatus. Raises LineLost where the reader is not up or its queue is full."""
        if not self.up(reader) or not self._panel.submit_command(reader, dict(command)):
            raise LineLost(self.why(reader) if not self.up(reader) else f"reader {reader + 1} takes no more commands")
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[reader].append(done)
        return done

    async def tell(self, reader: int, command: Words, seconds: float) -> None:
        """Send a command and wait for the reader's acknowledgement.

        A reader that was up a moment ago is waited for. Raises NoAnswer after `seconds`, the command then being taken back so that it
        cannot happen later; Refused; LineLost.
        """
        try:
            async with asyncio.timeout(seconds):
                if self.here(reader):
                    await self._comes_up[reader].wait()
                status = await asyncio.shield(self.submit(reader, command))
        except TimeoutError as error:
            if self.up(reader):
                self.drop(reader)
            raise NoAnswer(f"reader {reader + 1} does not acknowledge") from error
        if status == CompletionStatus.Failed:
            raise Refused(f"reader {reader + 1} refuses the command")
        if status != CompletionStatus.Ok:
            raise LineLost(self.why(reader))

    def drop(self, reader: int) -> None:
        """Break with a reader and meet it anew. Commands that wait in libosdp's queue are taken back, which it does not do by itself.

        A reader that does not answer gets no new command on the wire before it has answered the last, so that what was ordered in its
        silence has never left.
        """
        if self._phases[reader] in {Phase.EMPTYING, Phase.UP}:
            self._gone_at[reader] = self._now()
        self._panel.flush_commands(reader)
        self._panel.disable_pd(reader)
        self._phases[reader] = Phase.DISABLING
        self._comes_up[reader].clear()
        waiting, self._waiting[reader] = self._waiting[reader], deque()
        for done in waiting:
            if not done.done():
                done.set_result(CompletionStatus.Aborted)

    def close(self) -> None:
        """Take back what was not acknowledged and let go of libosdp's context, which must not outlive the line."""
        for reader in range(len(self._phases)):
            self.drop(reader)
        del self._panel

    def _advance(self, reader: int) -> None:
        now = self._now()
        match self._phases[reader]:
            case Phase.PROBING if self._secure(reader):
                if not self._is_the_configured_one(reader):
                    self.drop(reader)
                else:
                    if now - self._secure_at[reader] > KEPT_S:
                        self._emptying_since[reader], self._emptied[reader], self._dropped[reader] = now, False, 0
                    self._secure_at[reader], self._phases[reader] = now, Phase.EMPTYING
            case Phase.PROBING if now - self._since[reader] > PROBE_S:
                self.drop(reader)
            case Phase.EMPTYING | Phase.UP if not self._secure(reader) or self._silent_s(reader) > SILENT_S:
                self.drop(reader)
            case Phase.EMPTYING:
                self._secure_at[reader] = now
                if self._empty(reader):
                    self._phases[reader] = Phase.UP
                    self._comes_up[reader].set()
            case Phase.UP:
                self._secure_at[reader] = self._up_at[reader] = now
            case Phase.DISABLING if not self._panel.is_pd_enabled(reader):
                self._panel.flush_commands(reader)
                if self._panel.enable_pd(reader):
                    self._phases[reader] = Phase.PROBING
                    self._since[reader] = now
            case _:
                pass

    def _empty(self, reader: int) -> bool:
        """Whether the reader keeps nothing of an outage any more; says once how much was dropped."""
        since = self._emptying_since[reader]
        if since is not None:
            waited = self._now() - since
            if waited <= EMPTYING_S or (not self._emptied[reader] and waited <= BABBLING_S):
                return False
            self._emptying_since[reader] = None
            if self._dropped[reader]:
                log.warning("reader %d kept %d cards or keys of an outage; none was used", reader + 1, self._dropped[reader])
        return True

    def _is_the_configured_one(self, reader: int) -> bool:
        wanted, found = self._options.readers[reader].serial, self._panel.get_pd_id(reader)["serial_number"]
        if wanted in (None, found):
            self._strangers.pop(reader, None)
            return True
        self._strangers[reader] = found
        return False

    def _secure(self, reader: int) -> bool:
        return bool(self._panel.status() & self._panel.sc_status() & 1 << reader)

    def _silent_s(self, reader: int) -> float:
        return self._now() - self._heard_at(reader)

    def _heard_at(self, reader: int) -> float:
        return self.channel.heard.get(self._options.readers[reader].address, float("-inf"))

    # --- called by libosdp inside refresh; must not raise -----------------------------------------------------------------------------

    def _event(self, reader: int, event: dict[str, object]) -> int:
        old = self._emptying_since[reader] is not None or self._now() - self._secure_at[reader] > KEPT_S
        if old and event.get("event") in {Event.CardRead, Event.KeyPress}:
            self._dropped[reader] += 1
            if event.get("event") == Event.KeyPress:
                self._lost_keys(reader)
        else:
            self._events(reader, event)
        return 0

    def _completed(self, reader: int, _command: dict[str, object], status: int) -> None:
        """Commands complete in the order in which they were submitted."""
        if self._waiting[reader]:
            done = self._waiting[reader].popleft()
            if not done.done():
                done.set_result(status)
