"""What the gates need of the journal, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from edge.access.events import Event

NO_FACTS: Mapping[str, str] = MappingProxyType({})


class Receipt(Protocol):
    """The promise that events handed over will be on disk."""

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the commit; True once it is durable, False when the time is over first."""
        ...


class Recorder(Protocol):
    """Takes events. `append` never blocks on a disk and never raises for a disk fault."""

    def append(self, *events: Event, facts: Mapping[str, str] = ...) -> Receipt:
        """Hand over events in their order, and facts that are remembered in the same commit."""
        ...


class Memory(Protocol):
    """Small durable facts: modes, open alarms, visit entries. `remember` never blocks.

    `recall` is read at the start, and once more where the disk could be read only later (`former`).
    """

    def remember(self, key: str, value: str) -> None:
        """Keep a fact across restarts; the last value of a key counts."""
        ...

    def recall(self, key: str) -> str | None:
        """Read a fact back."""
        ...

    def former(self, key: str) -> str | None:
        """A fact of before the start where that could be read only later, whatever was remembered since; else None."""
        ...


class Mark:
    """Small facts of one device, as drivers keep them: in the gateway's memory, under the device's name."""

    def __init__(self, memory: Memory, device: str) -> None:
        self._memory = memory
        self._prefix = f"device.{device}."

    def get(self, key: str) -> str | None:
        """A fact as it was last set."""
        return self._memory.recall(self._prefix + key)

    def former(self, key: str) -> str | None:
        """A fact of before the start that could be read only later; else None."""
        return self._memory.former(self._prefix + key)

    def set(self, key: str, value: str) -> None:
        """Keep a fact; it is on disk no sooner than the events that were handed over before, but for a crowd of them."""
        self._memory.remember(self._prefix + key, value)
