"""One OSDP reader in a process of its own, to be killed and frozen: libosdp's peripheral on a file descriptor that is handed in.

    python -m tests.drivers.door.osdp_reader FD KEY

Each line on standard input is something done at the reader; each switching of its relay is a line on standard output.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tty

from drivers.door.osdp import Options, Simulator
from drivers.line import FdLine


async def main(fd: int, key: str) -> None:
    """Be the reader until killed."""
    tty.setraw(fd)
    options = Options(port="/dev/null", readers=[{"address": 1, "key": key, "serial": 4711}])
    reader = Simulator(options)
    line = FdLine(fd, "the bus", lambda: os.close(fd))
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(sys.stdin.fileno(), lambda: commands.put_nowait(sys.stdin.readline()))
    async with asyncio.TaskGroup() as group:
        group.create_task(reader.run(line))
        group.create_task(_watch(reader))
        while words := (await commands.get()).split():
            if words[0] == "card":
                reader.present(1, int(words[1]))
            elif words[0] == "keys":
                reader.type_keys(1, words[1].encode())
        raise SystemExit


async def _watch(reader: Simulator) -> None:
    told = 0
    while True:
        while told < len(reader.history):
            print("on" if reader.history[told].energised else "off", flush=True)
            told += 1
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
