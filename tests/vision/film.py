"""Films for tests, from the demo's own film maker."""

from __future__ import annotations

from pathlib import Path

from edge.demo.film import Image, Scene, collins, hopper, shoot

__all__ = ["collins", "hopper", "walk_up"]


def walk_up(path: Path, people: list[Image], seconds: float = 3.0, empty: float = 1.0) -> Path:
    """People side by side coming nearer before a grey wall, then the wall alone."""
    return shoot(path, [Scene(seconds, tuple(people)), Scene(empty)])
