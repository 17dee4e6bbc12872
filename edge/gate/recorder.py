"""What the gates need of the journal, and no more."""

from __future__ import annotations

from typing import Protocol

from edge.access.events import Event


class Receipt(Protocol):
    """The promise that events handed over will be on disk."""

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the commit; True once it is durable, False when the time is over first."""
        ...


class Recorder(Protocol):
    """Takes events. `append` never blocks on a disk and never raises for a disk fault."""

    def append(self, *events: Event) -> Receipt:
        """Hand over events in their order."""
        ...


class Memory(Protocol):
    """Small durable facts: modes, open alarms, visit entries. `remember` never blocks; `recall` is read at start only."""

    def remember(self, key: str, value: str) -> None:
        """Keep a fact across restarts; the last value of a key counts."""
        ...

    def recall(self, key: str) -> str | None:
        """Read a fact back."""
        ...
