"""What becomes of a release when the daemon is killed in the middle of it."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from drivers.door.onvif_relay import Options
from drivers.onvif.simulator import SimulatedRelay
from drivers.orders import Level
from tests.drivers.harness import PATIENCE_S, eventually
from tests.drivers.onvif.conftest import Start
from tests.drivers.onvif.rig import ACCOUNT

pytestmark = pytest.mark.peer("onvif")


async def begin(options: Options, secured: Level, seconds: float = 0.0) -> Process:
    """Start the gate's process and wait for the last thing that it says."""
    words = json.dumps(json.loads(options.model_dump_json()) | ACCOUNT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.drivers.onvif.gate", words, secured, str(seconds), stdout=PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await process.stdout.readline() == b"secured\n"
        if seconds:
            assert await process.stdout.readline() == b"released\n"
    return process


async def end(process: Process) -> None:
    """Kill -9."""
    process.kill()
    await process.wait()


@pytest.mark.parametrize("secured", [Level.DEENERGISED, Level.ENERGISED])
async def test_a_relay_that_latches(start: Start, secured: Level) -> None:
    """It stays released while we are dead, and the first thing a restarted daemon sends secures it; fail secure and fail safe."""
    camera, options = await start(
        relays=[SimulatedRelay("r", modes=("Bistable",))], options={"outputs": 1, "inputs": 0, "accept_latching": True}
    )
    shut = secured is Level.ENERGISED
    process = await begin(options, secured, 30.0)
    await end(process)
    assert camera.coils[1] is not shut
    process = await begin(options, secured)
    assert camera.coils[1] is shut
    await end(process)


@pytest.mark.parametrize("secured", [Level.DEENERGISED, Level.ENERGISED])
async def test_a_relay_that_times_itself(start: Start, secured: Level) -> None:
    """It secures itself while we are dead."""
    relay = SimulatedRelay("r", delays_s=(1.0, 2.0), discrete=True)
    camera, options = await start(relays=[relay], options={"outputs": 1, "inputs": 0})
    shut = secured is Level.ENERGISED
    process = await begin(options, secured, 2.0)
    await end(process)
    assert camera.coils[1] is not shut
    await eventually(lambda: camera.coils[1] is shut)
