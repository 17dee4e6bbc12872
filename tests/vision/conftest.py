"""A broker, a gatehouse and films for the walks before a camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walks.conftest import broker, centre, house

__all__ = ["broker", "centre", "house"]


@pytest.fixture(scope="session")
def evening_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds, again and again: nobody, Hopper, nobody, Collins, nobody."""
    from edge.demo.film import Scene, collins, hopper, shoot

    scenes = [Scene(1.5), Scene(2.5, (hopper(),)), Scene(2), Scene(2.5, (collins(),)), Scene(3.5)]
    return shoot(tmp_path_factory.mktemp("film") / "evening.mp4", scenes)


@pytest.fixture(scope="session")
def one_visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collins comes once, two seconds from the start; then nobody for long enough that nothing is played twice."""
    from edge.demo.film import Scene, collins, shoot

    return shoot(tmp_path_factory.mktemp("film") / "visit.mp4", [Scene(2), Scene(5, (collins(),)), Scene(45)])
