"""A gate's part of the daemon in a process of its own, to be killed: secure on Back, then release if asked to.

    python -m tests.drivers.onvif.gate OPTIONS LEVEL [SECONDS]

Each thing done is a line on standard output.
"""

from __future__ import annotations

import asyncio
import sys
import time

from drivers.door.onvif_relay import Controller, Options
from drivers.orders import Level, Release, Secure
from drivers.readings import Back, Reading


async def main(options: Options, secured: Level, seconds: float) -> None:
    """Run until killed."""
    driver = Controller(options, {1: secured})
    heard: asyncio.Queue[Reading] = asyncio.Queue()
    running = asyncio.create_task(driver.run(heard.put_nowait))
    while not isinstance(await heard.get(), Back):
        pass
    await driver.send(Secure(1))
    print("secured", flush=True)
    if seconds:
        await driver.send(Release(1, seconds, time.monotonic() + 3))
        print("released", flush=True)
    await running


if __name__ == "__main__":
    given = Options.model_validate_json(sys.argv[1])
    asyncio.run(main(given, Level(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0))
