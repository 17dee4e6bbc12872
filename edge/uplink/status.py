"""The retained messages: what `health` says and when it is said again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from edge.clock import Clock
from edge.journal import Journal, JournalHealth
from edge.journal.faults import Fault
from edge.uplink.messages import DiskHealth, Health, HealthBody, InfoBody, Message, State

_DEAD = frozenset({*(fault.value for fault in Fault), "writer_stopped"})

EVERY_S = 60.0
"""CONTRACT section 4."""

MOST_BYTES = 1 << 28
"""An MQTT packet is never larger."""

APART_S = 1.0
"""A door that chatters must not flood the centre with news of itself."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the journal says of itself at one moment."""

    journal: JournalHealth
    acked: Mapping[str, int]

    @classmethod
    def of(cls, journal: Journal) -> Facts:
        """Ask the journal; it answers from memory."""
        return cls(journal.health(), journal.acked())

    @property
    def writes(self) -> bool:
        """Whether the disk takes events. A missing ballast or a damaged database set aside is degraded, but records are safe."""
        return not _DEAD.intersection(self.journal.why)


class Status:
    """Composes the retained messages and knows when `health` is due. Times are monotonic seconds."""

    def __init__(
        self, health: Callable[[], HealthBody], info: Callable[[], InfoBody], complaints: Callable[[], tuple[str, ...]], clock: Clock
    ) -> None:
        self._body = health
        self._info = info
        self._complaints = complaints
        self._clock = clock
        self._said: object = None
        self._said_at = float("-inf")
        self._looked_at = float("-inf")
        self._touched = False
        self._info_said = b""
        self.cut: set[str] = set()
        """`health` or `info`, where the last one was too large for the broker and had to be cut."""

    def touch(self) -> None:
        """Something changed that a look would show."""
        self._touched = True

    def renew(self) -> None:
        """A new connection: say everything again."""
        self._said_at = self._looked_at = float("-inf")
        self._info_said = b""

    def ask(self) -> None:
        """Say `health` once more within a second: a centre answers it with its acknowledgement."""
        self._said, self._touched = None, True

    def due(self, now: float, facts: Facts, most: int = MOST_BYTES) -> bytes | None:
        """The `health` to publish now, if any: on change, every 60 s, and never twice within a second. `most`: the bytes that fit."""
        if now - self._said_at < APART_S or (now - self._looked_at < APART_S and not self._touched):
            return None
        self._looked_at, self._touched = now, False
        body = self._body()
        degraded = tuple(sorted({*body.degraded, *self._complaints()}))
        # What changes with every event or every second (heads, ages) is no news in itself.
        doing = (body.doors, body.alarms, body.roster and body.roster.version, body.recognition, body.clock.trust, degraded)
        telling = (doing, facts.journal.epoch, facts.journal.state, facts.journal.why)
        if telling == self._said and now - self._said_at < EVERY_S:
            return None
        self._said, self._said_at = telling, now
        return self._fitting("health", most, _smaller_health(self.health(body, degraded, facts)))

    def health(self, body: HealthBody, degraded: tuple[str, ...], facts: Facts) -> Health:
        """Put together what the daemon, the journal and the way to the centre say."""
        j = facts.journal
        return Health(
            **{name: getattr(body, name) for name in HealthBody.model_fields if name != "degraded"},
            degraded=degraded,
            at=self._clock.now().at,
            epoch=j.epoch,
            seq_head=j.head,
            seq_oldest=j.oldest,
            acked=dict(facts.acked),
            chain_head=j.chain_head,
            alg=j.alg,
            disk=DiskHealth(state=j.state, why=j.why, free_bytes=j.disk_free, days_left=j.days_left, waiting=j.waiting, lost=j.lost),
        )

    def info(self, most: int = MOST_BYTES) -> bytes | None:
        """The `info` to publish, if it differs from what this connection was told. `most`: the bytes that fit."""
        text = self._fitting("info", most, _smaller_info(self._info()))
        if text == self._info_said:
            return None
        self._info_said = text or b""
        return text

    def _fitting(self, what: str, most: int, forms: Iterator[Message]) -> bytes | None:
        """The first form that fits, None where none does."""
        for number, form in enumerate(forms):
            text = dump(form)
            if len(text) <= most:
                (self.cut.add if number else self.cut.discard)(what)
                return text
        self.cut.add(what)
        return None


def _smaller_health(health: Health) -> Iterator[Health]:
    """The whole first, then less and less: which faces may open where, the doors that are well, all doors, the words, the alarms."""
    yield health
    doors = tuple(door for door in health.doors if door.line != "up" or door.mode != "normal" or door.state != "secured")
    smaller: tuple[Mapping[str, object], ...] = (
        {"recognition": health.recognition.model_copy(update={"allows": {}, "basis": {}})},
        {"doors": doors},
        {"doors": ()},
        {"degraded": tuple(word for word in health.degraded if word.startswith(("uplink.", "journal.")))},
        {"alarms": health.alarms[-4:]},
        {"alarms": ()},
    )
    for less in smaller:
        health = health.model_copy(update=less)
        yield health


def _smaller_info(info: InfoBody) -> Iterator[InfoBody]:
    """The whole first, then less and less."""
    yield info
    smaller: tuple[Mapping[str, object], ...] = ({"packages": {}}, {"access_points": {}}, {"drivers": {}}, {"label": ""})
    for less in smaller:
        info = info.model_copy(update=less)
        yield info


def state(*, online: bool, boot_id: str, conn_seq: int, stopping: bool | None = None) -> bytes:
    """Birth, will or goodbye."""
    return dump(State(online=online, boot_id=boot_id, conn_seq=conn_seq, stopping=stopping))


def dump(message: Message) -> bytes:
    """A message as JSON; what is None is left out."""
    return message.model_dump_json(exclude_none=True).encode()
