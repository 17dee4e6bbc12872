"""What a site may set about its journal (`journal:` in site.yaml)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JournalSettings(BaseModel):
    """Defaults suit a gate of 1,500 events a day on an eMMC disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retention_days: int = Field(default=180, ge=1, le=36_500)
    """Days that an event stays here after every consumer has acknowledged it. Events that are not acknowledged never expire."""

    ballast_mb: int = Field(default=64, ge=0)
    """Disk kept occupied, to be given up first when the disk is full. 64 MB hold about 87 days of events; 0 keeps none."""

    ring_events: int = Field(default=10_000, ge=100)
    """Events that may wait in memory for a disk that does not take them: a week of a busy gate, about 10 MB."""

    group_events: int = Field(default=500, ge=1)
    """Most events in one commit: past a hundred the fsync no longer dominates, and a commit of 500 stays near 20 ms."""

    retry_s: float = Field(default=1.0, gt=0)
    """Seconds between two attempts at a disk that failed. One cheap attempt a second is noticed by nobody and finds it back at once."""

    alive_s: float = Field(default=10.0, gt=0)
    """Seconds between two signs of life on disk: how exactly a power cut's blind time is known, at 8,640 small writes a day."""

    ack_delay_s: float = Field(default=1.0, ge=0)
    """Seconds an acknowledgement may wait for a commit to ride on. Losing one only repeats events that the centre knows."""
