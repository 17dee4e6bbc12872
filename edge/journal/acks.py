"""How far each consumer has committed, and what a new acknowledgement means. Pure, in memory; the writer persists it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_CONSUMERS = 64
"""Consumers remembered: far more than any site has, so that a stray topic cannot fill the table."""


STOOD = timedelta(days=7)
"""How long an unproven number must stand before it deletes anything. A centre that is up contradicts a forged one within a minute of the
next health message; one that is down is missed by somebody within a week.
"""


@dataclass(slots=True)
class _Firm:
    """Up to `seq` deletion may rely on a consumer; `next_` follows if nothing contradicts it until STOOD after `since`."""

    seq: int = 0
    next_: int = 0
    since: datetime | None = None


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
        self._firm = {name: _Firm() for name in self._configured}

    def begin(self, acked: Mapping[str, int]) -> None:
        """Start an epoch, or take up one from disk."""
        self._acked = dict.fromkeys(self._configured, 0) | dict(acked)
        self._firm = {name: _Firm() for name in self._configured}

    def note(self, consumer: str, seq: int, head: int, *, proven: bool = False, restored: bool = False) -> Ack:
        """Judge an acknowledgement of the current epoch whose last committed number is `head`.

        `proven`: it is certain who says so, and deletion may rely on it at once. `restored`: by a centre of another name.
        """
        known = self._acked.get(consumer, 0)
        if seq > head:
            return Ack.AHEAD
        if firm := self._firm.get(consumer):
            firm.seq, firm.next_ = (seq, seq) if proven else (min(seq, firm.seq), min(seq, firm.next_))
        if seq == known and not restored:
            return Ack.REPEATED
        if consumer not in self._acked and len(self._acked) >= MOST_CONSUMERS:
            return Ack.OTHER_EPOCH
        self._acked[consumer] = seq
        return Ack.ADVANCED if seq > known and not restored else Ack.WENT_BACK

    def stand(self, now: datetime) -> None:
        """Let certain time pass: numbers that have stood for STOOD become firm, and those that came meanwhile begin to stand."""
        for name, firm in self._firm.items():
            if firm.since is None or now - firm.since >= STOOD:
                firm.seq = max(firm.seq, firm.next_)
                firm.next_, firm.since = self._acked[name], now

    def firm(self, head: int) -> int:
        """The last number that may be deleted: proven by every configured consumer, or said and not contradicted for STOOD."""
        return min((firm.seq for firm in self._firm.values()), default=head)

    def memory(self) -> str:
        """What of this must outlive the process: how long which number has stood."""
        return json.dumps({name: [f.seq, f.next_, f.since and f.since.isoformat()] for name, f in self._firm.items()}, sort_keys=True)

    def recall(self, memory: str) -> None:
        """Take up what `memory` gave; of what cannot be read nothing is firm."""
        try:
            for name, (seq, next_, since) in json.loads(memory).items():
                if name in self._firm:
                    self._firm[name] = _Firm(int(seq), int(next_), datetime.fromisoformat(since) if since else None)
        except (ValueError, TypeError, AttributeError):
            self._firm = {name: _Firm() for name in self._configured}

    def deletable(self, head: int) -> int:
        """The last number that every configured consumer says it has committed; the head where there is nobody to tell."""
        return self.least(self._acked, head)

    def least(self, acked: Mapping[str, int], head: int) -> int:
        """The same for other numbers than the current ones."""
        return min((acked.get(consumer, 0) for consumer in self._configured), default=head)

    def acked(self) -> dict[str, int]:
        """A copy: consumer -> last acknowledged number, 0 = never."""
        return dict(self._acked)
