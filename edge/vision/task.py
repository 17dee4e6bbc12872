"""What a vision worker is told when it starts: its engine, its weights and its cameras, and nothing else."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class CameraTask(BaseModel):
    """One camera as the worker needs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    driver: str
    options: dict[str, Any]
    area: tuple[tuple[float, float], ...] = ()
    card_first: bool = False


class Task(BaseModel):
    """All that a worker is told. `weights` is our own folder of weight files, `others` are folders to look in before it.

    `memory_mb` bounds its address space, of which OpenVINO maps most and touches little: a runaway ends in MemoryError, not in the system's
    out-of-memory killer. `crops`: whether pictures of faces are made for evidence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str
    runtime: str = ""
    weights: str
    others: tuple[str, ...] = ()
    cameras: tuple[CameraTask, ...]
    memory_mb: int = 4096
    crops: bool = False
