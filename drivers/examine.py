"""What a driver can tell an installer of its device beyond up and down: codes, not words, because it speaks no language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Mark(StrEnum):
    """How a finding is to be taken: as it should be, worth a look, to be mended."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `code` names the sentence (edge/installer/words.py); `reader` is 0 where it is the device's. `values`: no secret."""

    code: str
    mark: Mark = Mark.GOOD
    values: Mapping[str, str] = field(default_factory=dict)
    reader: int = 0


@runtime_checkable
class Examinable(Protocol):
    """A controller that can say more of its device while it runs."""

    async def examine(self) -> list[Finding]:
        """Look, without moving or changing anything. Raises LineLost, NoAnswer, Refused, Garbled as `send` does."""
        ...


CLOCK_OFF_S = 60.0
"""A device's clock further off than this stamps its records with the wrong minute."""


def clock(seconds: float) -> Finding:
    """How far a device's clock is ahead of ours."""
    return Finding("clock", Mark.GOOD if abs(seconds) <= CLOCK_OFF_S else Mark.WARN, {"seconds": f"{seconds:+.0f}"})
