"""Simulated cameras on loopback, started and stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from drivers.door.onvif_relay import Options, Simulator
from tests.drivers.camera.conftest import rtsp_server  # noqa: F401  # the fixture
from tests.drivers.onvif.rig import ACCOUNT

Start = Callable[..., Awaitable[tuple[Simulator, Options]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a camera: what a real one would be told by its maker, and `options` that override what a site would write."""
    started: list[Simulator] = []

    async def one(*, options: dict[str, Any] | None = None, **made: Any) -> tuple[Simulator, Options]:
        words = {"host": "127.0.0.1", "serial": "SIM-0001", "outputs": 2, "inputs": 2, **ACCOUNT}
        camera = Simulator(Options(**words), **made)
        await camera.start()
        started.append(camera)
        return camera, Options(**(words | {"port": camera.port} | (options or {})))

    yield one
    for camera in started:
        await camera.stop()
