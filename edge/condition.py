"""What is not as it should be with the gateway itself: noticed, told once as an event, told again when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from edge.access.events import GatewayClock, GatewayDegraded
from edge.clock import Clock, Moment, Trust
from edge.gate.alarms import Alarms
from edge.gate.recorder import Memory, Recorder
from edge.gate.view import AlarmView
from edge.journal import JournalHealth
from edge.roster.outcomes import RosterView
from edge.supervisor import Pulse

LOOK_EVERY_S = 1.0
# What passes within this time (a commit that took long, a roster being read at the start) is nobody's business.
SETTLED_AFTER_S = 3.0
# What comes and goes, as the way to the centre does, is told as one thing: at most a begin and an end in six minutes.
SLOWLY_AFTER_S = 60.0
SLOWLY_OVER_S = 300.0


class Condition:
    """Looks once a second at those who know, and keeps `gateway.degraded` and `gateway.clock` true."""

    def __init__(
        self,
        *,
        journal: Callable[[], JournalHealth],
        roster: Callable[[], RosterView],
        clock: Clock,
        take_step: Callable[[], float | None],
        recorder: Recorder,
        memory: Memory,
        new_id: Callable[[], str],
        changed: Callable[[], None],
        others: Callable[[], Iterable[str]] = tuple,
        slowly: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """`take_step` tells of a step of the wall clock once; `changed` is called after every change, for who publishes the words.

        `others` gives further words of what is wrong now, `slowly` those of what comes and goes and is told once it lasts.
        """
        self._journal = journal
        self._roster = roster
        self._clock = clock
        self._take_step = take_step
        self._recorder = recorder
        self._alarms = Alarms(None, _Aside(memory), new_id)
        self._changed = changed
        self._others = others
        self._slowly = slowly
        self._slow: set[str] = set()
        self._since: dict[str, float] = {}
        self._over: dict[str, float] = {}
        self._trust = clock.now().trust
        self.pulse = Pulse(lambda: clock.now().mono)

    def words(self) -> tuple[str, ...]:
        """What is wrong now, as words such as `journal.disk_full`; empty when all is well."""
        return tuple(sorted(self._alarms.open()))

    def alarms(self) -> tuple[AlarmView, ...]:
        """The same as open alarms."""
        return self._alarms.view()

    def recall(self) -> None:
        """What was open before the start can be read only now; what is over by now ends."""
        for word in self._alarms.recall():
            self._tell(word, "end")

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            self.look()
            self.pulse()
            await self._clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Look once."""
        now = self._clock.now()
        step = self._take_step()
        if now.trust is not self._trust or step is not None:
            self._trust = now.trust
            self._recorder.append(GatewayClock(at=now.at, clock=now.trust, stepped_s=None if step is None else round(step, 3)))
            self._changed()
        slow = set(self._slowly())
        self._slow |= slow
        wrong = slow.union(self._wrong(now))
        self._since = {word: self._since.get(word, now.mono) for word in wrong}
        self._over = {word: self._over.get(word, now.mono) for word in self._alarms.open() if word not in wrong}
        for word, since in sorted(self._over.items()):
            if now.mono - since >= (SLOWLY_OVER_S if word in self._slow else 0.0):
                self._tell(word, "end")
        for word, since in sorted(self._since.items()):
            settled = now.mono - since >= (SLOWLY_AFTER_S if word in self._slow else SETTLED_AFTER_S)
            if settled and word not in self._alarms:
                self._tell(word, "begin")

    def _wrong(self, now: Moment) -> Iterable[str]:
        yield from (f"journal.{why}" for why in self._journal().why)
        roster = self._roster()
        if roster.state in {"none", "held"}:
            yield f"roster.{roster.state}"
        if roster.folder == "missing":
            yield "roster.folder_missing"
        elif roster.folder == "closed":
            yield "roster.folder_closed"
        elif roster.why == "too_many_removed":
            yield "roster.asks"
        elif roster.state == "stale":  # the sheet has faults: each cause has its own word, for its own advice
            yield "roster.stale"
        if not roster.kept:
            yield "roster.not_kept"
        if not roster.sealed:
            yield "roster.not_sealed"
        if now.trust is Trust.UNTRUSTED:
            yield "clock.leapt" if now.leapt else "clock.untrusted"
        yield from self._others()

    def _tell(self, word: str, phase: Literal["begin", "end"]) -> None:
        now = self._clock.now()
        name = f"{GatewayDegraded.CLASS}.{GatewayDegraded.NAME}"
        alarm_id = self._alarms.begin(word, name, now.at) if phase == "begin" else self._alarms.end(word)
        if alarm_id is not None:
            self._recorder.append(GatewayDegraded(at=now.at, clock=now.trust, alarm_id=alarm_id, phase=phase, what=word))
            self._changed()


class _Aside:
    """A memory whose keys do not meet those of the gates."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def remember(self, key: str, value: str) -> None:
        self._memory.remember(f"condition.{key}", value)

    def recall(self, key: str) -> str | None:
        return self._memory.recall(f"condition.{key}")

    def former(self, key: str) -> str | None:
        return self._memory.former(f"condition.{key}")
