"""Keeping one board: found to be the right one, set up, listened to, its events fetched, its doors driven."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from uhppoted import encode, structs

from drivers.contract import BoardCard, CardSync, Emit
from drivers.door.uhppote.board import Board
from drivers.door.uhppote.doors import Doors
from drivers.door.uhppote.endpoint import Asker, Listener
from drivers.door.uhppote.fetch import Fetch
from drivers.door.uhppote.options import FIRE_INPUT, EventMark, MemoryMark, Options, Wall, endpoint
from drivers.errors import DriverError, Garbled, LineLost, NoAnswer, Refused
from drivers.examine import Finding, Mark, clock
from drivers.latches import check
from drivers.orders import Indicate, Level, Order, Outcome
from drivers.readings import Back, Contact, DoorPosition, InputChanged, Lost, Reading, RequestToExit
from drivers.reconnect import Reconnect
from drivers.timing import MACHINE, Timing

log = logging.getLogger(__name__)

FINISH_S = 1.5  # of the 2 s that a stop may take
WAKE_APART_S = 0.05  # a hint is anybody's datagram; each costs the board a question
LISTENER_EVERY_S = 60.0
RETAKE_APART_S = 600.0  # two programs that both want a board's events must not fight over it
SILENT_POLLS = 3  # one lost datagram is weather
SET_TIME_EVERY_S = 86_400.0  # the boards' quartz drifts by seconds a day, their events are stamped in seconds
FIRE_BIT = 0x01
NOBODY = "0.0.0.0"  # noqa: S104  # an address in a reply, bound to nothing
LISTENER_KEY = "listener"


class Controller:
    """One board; a DoorController, and the keeper of the board's own card table.

    `wall` gives the machine's time of day or None while that cannot be believed; `mark` keeps small facts across restarts.
    Raises Refused at once where a lock's secured level is energised: the board de-energises its relays when it dies or is told to secure.
    """

    def __init__(
        self,
        options: Options,
        secured: Mapping[int, Level],
        *,
        timing: Timing = MACHINE,
        mark: EventMark | None = None,
        wall: Wall | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        for door, level in secured.items():
            if level is Level.ENERGISED:
                raise Refused(f"door {door}: the board's relay rests when it secures; wire a fail-safe lock to its NC contact")
        self._options = options
        self._secured = {door: level for door, level in secured.items() if 1 <= door <= options.doors}
        self._timing = timing
        self._chance = chance
        self._mark = mark or MemoryMark()
        zone = ZoneInfo(options.timezone)
        self._wall = wall or (lambda: datetime.now(zone).replace(tzinfo=None))
        self._name = f"board {options.serial}"
        self._board: Board | None = None
        self._wake = asyncio.Event()
        self._fetch = Fetch(options, self._mark, timing)
        self._doors = Doors(options.serial, options.doors, timing.now, self._fetch.opening)
        self._time_set_at = -math.inf
        self._polled_at = -math.inf
        self._cards: CardSync | None = None  # what the last synchronisation did
        self._listener: tuple[str, int] | None = None  # where the board was told to send its events
        self._listener_seen_at = self._listener_taken_at = -math.inf
        self.former_listener: str | None = self._mark.get(LISTENER_KEY)

    async def run(self, emit: Emit) -> None:
        """See DoorController."""
        machine = Reconnect(self._chance)
        while True:
            machine.dialling()
            asker = Asker(self._options.serial, self._options.timeout_s)
            listener = Listener(endpoint(self._options.address), self._options.serial, self._wake.set)
            try:
                await self._serve(asker, listener, machine, emit)
            except DriverError as error:
                wait_s, news = machine.down(self._timing.now())
                if news:
                    log.warning("%s: lost: %s", self._name, error)
                    emit(Lost(str(error)))
            finally:
                self._leave(asker)
                listener.close()
                asker.close()
            await self._timing.sleep(wait_s)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. A release is timed by the board, in whole seconds, rounded up; every answer is CONFIRMED."""
        check(order, self._secured)
        assert not isinstance(order, Indicate)
        if self._board is None:
            raise LineLost("the board is not there")
        await self._doors.carry_out(self._board, order)
        return Outcome.CONFIRMED

    async def sync_cards(self, cards: Sequence[BoardCard]) -> CardSync:
        """Make the board's own table hold exactly these cards, so that it goes on alone when we are dead.

        Takes some 10 ms a card that changed and as much a card that is there; orders and events go in between. Raises LineLost, NoAnswer,
        Refused; half a synchronisation is harmless and is finished by the next.
        """
        if self._board is None:
            raise LineLost("the board is not there")
        self._cards = await self._board.sync_cards(cards, self._options.card_number)
        return self._cards

    async def examine(self) -> list[Finding]:
        """Identity, firmware, clock, who is told of events, whether its card table is full. See Examinable."""
        board = self._board
        if board is None:
            raise LineLost("the board is not there")
        who = await board.identify()
        host, port = await board.listener()
        told = f"{host}:{port}"
        found = [
            Finding("identity", values={"what": f"serial: {self._options.serial}"}),
            Finding("firmware", values={"version": who.version}),
        ]
        status, wall = await board.status(), self._wall()
        if status.system_date is not None and status.system_time is not None and wall is not None:
            found.append(clock((datetime.combine(status.system_date, status.system_time) - wall).total_seconds()))
        if (host, port) == self._listener:
            found.append(Finding("listener_ours", values={"who": told, "former": self.former_listener or "-"}))
        elif host not in (NOBODY, ""):
            found.append(Finding("listener_other", Mark.WARN, {"who": told}))
        if self._cards is not None and self._cards.over:
            stored, wanted = self._cards.stored, self._cards.stored + self._cards.over
            found.append(Finding("card_table_full", Mark.WARN, {"stored": str(stored), "wanted": str(wanted)}))
        return found

    async def _serve(self, asker: Asker, listener: Listener, machine: Reconnect, emit: Emit) -> None:
        ours = await asker.open(endpoint(self._options.address))
        board = Board(asker, self._options.serial)
        await self._identify(board)
        if self._options.take_listener:
            port = await listener.open(ours, self._options.listen_port)
            await self._take_listener(board, ours, port)
        await board.record_everything()
        self._time_set_at = -math.inf
        await self._keep_time(board)
        await self._doors.learn(board)
        await board.pc_control(self._options.pc_control)
        status = await board.status()
        self._fetch.begin(status.event_index)
        self._doors.begin(status.relays)
        self._board = board
        if machine.up(self._timing.now()):
            log.info("%s: here", self._name)
            emit(Back())
        known: dict[object, Reading] = {}
        _tell(known, status, self._options.doors, emit, first=True)
        try:
            await self._follow(board, known, emit)
        except asyncio.CancelledError:
            with contextlib.suppress(DriverError, TimeoutError):
                async with asyncio.timeout(FINISH_S):
                    await self._doors.finish(board, self._timing.sleep)
            raise

    async def _follow(self, board: Board, known: dict[object, Reading], emit: Emit) -> None:
        """Poll and fetch until the board falls silent or comes up anew."""

        def hand(reading: Reading) -> None:
            if _news(known, reading):
                emit(reading)

        silent, more = 0, True
        while True:
            if not more:
                await self._hint_or_poll()
            self._wake.clear()
            self._polled_at = self._timing.now()
            try:
                status = await board.status(tries=1)
                await self._fetch.live(board, status.event_index, self._timing.now(), hand)
                _tell(known, status, self._options.doors, emit)
                used, self._fetch.used = self._fetch.used, set()
                await self._doors.look(board, status.relays, used)
                more = await self._fetch.late(board, hand)
                await self._keep_time(board)
                await self._own_listener(board)
                silent = 0
            except (NoAnswer, Garbled):
                silent += 1
                more = False
                if silent == SILENT_POLLS:
                    raise
            if self._fetch.restarted:
                raise LineLost("the board has restarted")

    async def _hint_or_poll(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.poll_s):
                await self._wake.wait()
        await self._timing.sleep(max(0.0, self._polled_at + WAKE_APART_S - self._timing.now()))

    async def _identify(self, board: Board) -> None:
        try:
            await board.identify()
        except NoAnswer as error:
            raise NoAnswer(f"no board with serial number {self._options.serial} at {self._options.address}") from error

    async def _take_listener(self, board: Board, ours: str, port: int) -> None:
        """A board tells one listener. Who it was before us is said once and kept, so that it can be given back."""
        host = ours
        if self._options.listener:
            host, port = endpoint(self._options.listener)
        self._listener_seen_at = self._listener_taken_at = -math.inf
        self._listener = host, port
        await self._own_listener(board)

    async def _own_listener(self, board: Board) -> None:
        """Have the board tell us, whoever it tells now; at most once in RETAKE_APART_S after the first time."""
        now = self._timing.now()
        if self._listener is None or now - self._listener_seen_at < LISTENER_EVERY_S:
            return
        self._listener_seen_at = now
        before = await board.listener()
        if before == self._listener or now - self._listener_taken_at < RETAKE_APART_S:
            return
        if before[0] not in (NOBODY, self._listener[0]):
            former = f"{before[0]}:{before[1]}"
            log.warning("%s: its events went to %s until now; they come here from now on", self._name, former)
            self.former_listener = former
            self._mark.set(LISTENER_KEY, former)
        self._listener_taken_at = now
        try:
            await board.listen_at(*self._listener)
        except Refused as error:  # its events come by polling all the same
            log.warning("%s: does not tell us its events by itself: %s", self._name, error)

    async def _keep_time(self, board: Board) -> None:
        now = self._timing.now()
        at = self._wall()
        if at is not None and now - self._time_set_at >= SET_TIME_EVERY_S:
            await board.set_time(at.replace(microsecond=0))
            self._time_set_at = now

    def _leave(self, asker: Asker) -> None:
        """The last words: running releases end, and the board need not wait 30 s before it judges cards alone."""
        if self._board is not None:
            said = self._doors.last_words()
            if self._options.pc_control:
                said.append(bytes(encode.set_pc_control_request(self._options.serial, False)))
            asker.tell(said)
        self._board = None


def _tell(known: dict[object, Reading], status: structs.GetStatusResponse, doors: int, emit: Emit, *, first: bool = False) -> None:
    """Emit what a status shows and was not known. At first every contact is news; a button at rest is not."""
    open_now = (status.door_1_open, status.door_2_open, status.door_3_open, status.door_4_open)
    pressed = (status.door_1_button, status.door_2_button, status.door_3_button, status.door_4_button)
    for door in range(1, doors + 1):
        now: list[Reading] = [DoorPosition(door, Contact.OPEN if open_now[door - 1] else Contact.CLOSED)]
        if pressed[door - 1] or not first:
            now.append(RequestToExit(door, active=pressed[door - 1]))
        for reading in now:
            if _news(known, reading):
                emit(reading)
    fire = InputChanged(FIRE_INPUT, Contact.CLOSED if status.inputs & FIRE_BIT else Contact.OPEN)
    if _news(known, fire):
        emit(fire)


def _news(known: dict[object, Reading], reading: Reading) -> bool:
    """Whether a level differs from what was last said of it. What is not a level always is news."""
    match reading:
        case DoorPosition(door, _):
            key: object = ("position", door)
        case RequestToExit(door, active):
            if not active and ("button", door) not in known:
                return False
            key = ("button", door)
        case InputChanged(number, _):
            key = ("input", number)
        case _:
            return True
    if known.get(key) == reading:
        return False
    known[key] = reading
    return True
