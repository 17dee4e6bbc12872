"""How far each consumer has committed, and what a new acknowledgement means. Pure, in memory; the writer persists it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

MOST_CONSUMERS = 64
"""Consumers remembered: far more than any site has, so that a stray topic cannot fill the table."""


class Ack(StrEnum):
    """What an acknowledgement told us, named after what the uplink does next."""

    ADVANCED = "advanced"
    REPEATED = "repeated"
    WENT_BACK = "went_back"
    """The centre was restored: replay from its number. The number is taken over."""
    AHEAD = "ahead"
    """The centre knows numbers that we never gave in this database: we were rolled back. Report, and ask for a new epoch."""
    OTHER_EPOCH = "other_epoch"
    """Of an epoch that is over, or of another gateway's: the number is not taken. See `Journal.older`."""


class Acks:
    """Acknowledged numbers of the current epoch. Not thread-safe: its owner holds a lock."""

    def __init__(self, consumers: Iterable[str]) -> None:
        self._configured = tuple(dict.fromkeys(consumers))
        self._acked: dict[str, int] = dict.fromkeys(self._configured, 0)

    def begin(self, acked: Mapping[str, int]) -> None:
        """Start an epoch, or take up one from disk."""
        self._acked = dict.fromkeys(self._configured, 0) | dict(acked)

    def note(self, consumer: str, seq: int, head: int, *, restored: bool = False) -> Ack:
        """Judge an acknowledgement of the current epoch whose last committed number is `head`; `restored`: by a centre of another name."""
        known = self._acked.get(consumer, 0)
        if seq > head:
            return Ack.AHEAD
        if seq == known and not restored:
            return Ack.REPEATED
        if consumer not in self._acked and len(self._acked) >= MOST_CONSUMERS:
            return Ack.OTHER_EPOCH
        self._acked[consumer] = seq
        return Ack.ADVANCED if seq > known and not restored else Ack.WENT_BACK

    def deletable(self, head: int) -> int:
        """The last number that every configured consumer has committed; the head where there is nobody to tell."""
        return self.least(self._acked, head)

    def least(self, acked: Mapping[str, int], head: int) -> int:
        """The same for other numbers than the current ones."""
        return min((acked.get(consumer, 0) for consumer in self._configured), default=head)

    def acked(self) -> dict[str, int]:
        """A copy: consumer -> last acknowledged number, 0 = never."""
        return dict(self._acked)
