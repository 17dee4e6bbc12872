"""The words of the topic tree, in one place: `anyu/v1/<site>/<gateway>/...` (CONTRACT section 4)."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "anyu/v1"

STATE = "state"
HEALTH = "health"
INFO = "info"
EVT = "evt"
EVTB = "evtb"
ACK = "ack"

RETAINED = frozenset({STATE, HEALTH, INFO})
"""Nothing else is ever retained: a retained event or acknowledgement would come back as news at every reconnect."""

EVERYTHING_OF_GATEWAYS = (f"{ROOT}/+/+/{EVT}/+", f"{ROOT}/+/+/{EVTB}", f"{ROOT}/+/+/{HEALTH}")
"""What a centre subscribes to."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one gateway."""

    site: str
    gateway: str

    @property
    def base(self) -> str:
        """`anyu/v1/<site>/<gateway>`, without a slash at the end."""
        return f"{ROOT}/{self.site}/{self.gateway}"

    @property
    def state(self) -> str:
        """Online or not; retained, and the will."""
        return f"{self.base}/{STATE}"

    @property
    def health(self) -> str:
        """How it is; retained."""
        return f"{self.base}/{HEALTH}"

    @property
    def info(self) -> str:
        """What it is; retained."""
        return f"{self.base}/{INFO}"

    @property
    def backlog(self) -> str:
        """Batches of events that waited."""
        return f"{self.base}/{EVTB}"

    def event(self, cls: str) -> str:
        """One live event of a class."""
        return f"{self.base}/{EVT}/{cls}"

    def ack(self, consumer: str) -> str:
        """Where a consumer says what it has committed."""
        return f"{self.base}/{ACK}/{consumer}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A gateway's topic taken apart: `kind` is the word after the gateway, `rest` what follows it ("" if nothing)."""

    site: str
    gateway: str
    kind: str
    rest: str


def parse(topic: str) -> Heard | None:
    """Take a topic apart; None when it is not one of ours."""
    words = topic.split("/")
    if len(words) not in {5, 6} or f"{words[0]}/{words[1]}" != ROOT or not all(words):
        return None
    return Heard(words[2], words[3], words[4], words[5] if len(words) == 6 else "")
