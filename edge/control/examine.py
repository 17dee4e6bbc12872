"""Looking at devices while they run: what each controller says of itself, and its readings as they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, fields
from enum import Enum

from drivers.contract import DoorController
from drivers.errors import DriverError
from drivers.examine import Examinable, Finding
from drivers.readings import Back, Logged, Lost, Reading
from edge.control.peer import Actor
from edge.control.server import Verb
from edge.control.viewing import Viewed
from edge.errors import CommandRefused

LOOK_S = 3.0  # every driver gives up on a silent device sooner
LONGEST_S = 120.0  # an installer walks from the laptop to the gate and back
WAITING = 256  # readings that nobody has fetched yet; a person presents a card a second


@dataclass(slots=True)
class _Line:
    up: bool = False
    why: str = ""


class Lines:
    """How each controller stands, from its own readings."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._lines = {name: _Line() for name in names}
        self._followers: set[Callable[[dict[str, object]], None]] = set()

    def heard(self, controller: str, reading: Reading) -> None:
        """Be told of every reading."""
        line = self._lines[controller]
        if isinstance(reading, Back):
            line.up, line.why = True, ""
        elif isinstance(reading, Lost):
            line.up, line.why = False, reading.why
        for follower in tuple(self._followers):
            follower(plain(controller, reading))

    async def look(self, controllers: Mapping[str, DoorController], kinds: Mapping[str, str]) -> list[dict[str, object]]:
        """Every controller: up or not and why, and what it found."""
        return list(await asyncio.gather(*(self._one(name, driver, kinds[name]) for name, driver in controllers.items())))

    async def follow(self, seconds: float) -> AsyncGenerator[dict[str, object], None]:
        """Readings as they come, for so long. Of more than WAITING unfetched ones the oldest are let go."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        waiting: deque[dict[str, object]] = deque(maxlen=WAITING)
        arrived = asyncio.Event()

        def take(item: dict[str, object]) -> None:
            waiting.append(item)
            arrived.set()

        self._followers.add(take)
        try:
            while (left := ends - loop.time()) > 0:
                if waiting:
                    yield waiting.popleft()
                    continue
                arrived.clear()
                async with asyncio.timeout(left):
                    await arrived.wait()
        except TimeoutError:
            return
        finally:
            self._followers.discard(take)

    async def _one(self, name: str, driver: DoorController, kind: str) -> dict[str, object]:
        """`answers` is false where nobody can ask the device anything: of it, `up` means that its line is open."""
        line, found = self._lines[name], list[Finding]()
        why, answers = line.why, isinstance(driver, Examinable)
        if line.up and isinstance(driver, Examinable):
            try:
                async with asyncio.timeout(LOOK_S):
                    found = await driver.examine()
            except (DriverError, TimeoutError) as error:
                why = str(error) or "no answer"
        shown = [{"code": f.code, "mark": f.mark.value, "values": dict(f.values), "reader": f.reader} for f in found]
        return {"controller": name, "driver": kind, "up": line.up, "answers": answers, "why": why, "findings": shown}


class Examination:
    """The daemon's side."""

    def __init__(
        self,
        controllers: Mapping[str, DoorController],
        kinds: Mapping[str, str],
        lines: Lines,
        viewed: Viewed,
        cameras: Callable[[], Mapping[str, bool]] = dict,
    ) -> None:
        """`kinds` has the driver of each controller; `viewed` is told of who listens, and why; `cameras`: which have a picture now."""
        self._viewed = viewed
        self._cameras = cameras
        self._controllers = controllers
        self._kinds = kinds
        self._lines = lines

    def table(self) -> Mapping[str, Verb]:
        """Verbs by name."""
        return {"examine": self._examine, "readings": self._readings}

    async def _examine(self, _args: Mapping[str, object], _actor: Actor) -> object:
        """Every controller, then every camera that is looked at (`camera`: true; `up`: it has a picture)."""
        seen = [{"controller": name, "camera": True, "up": up} for name, up in self._cameras().items()]
        return [*await self._lines.look(self._controllers, self._kinds), *seen]

    async def _readings(self, args: Mapping[str, object], actor: Actor) -> AsyncGenerator[object, None]:
        seconds = args.get("seconds", 20)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_S:
            raise CommandRefused("bad_argument", f"seconds: 0-{LONGEST_S:g}")
        self._viewed("readings", args, actor)
        async with aclosing(self._lines.follow(float(seconds))) as items:
            async for item in items:
                yield item


def plain(controller: str, reading: Reading) -> dict[str, object]:
    """A reading as JSON: `reading` names its kind. Cards are in it: an installer compares them with what is printed. PINs are not."""
    shown: dict[str, object] = {"controller": controller, "reading": type(reading).__name__}
    for one in fields(reading):
        value = getattr(reading, one.name)
        if one.name in {"digits", "text"}:
            shown["length"] = len(value)
        elif not isinstance(reading, Logged) or one.name in {"index", "what", "door"}:
            shown[one.name] = value.value if isinstance(value, Enum) else value
    return shown
