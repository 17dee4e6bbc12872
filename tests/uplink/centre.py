"""The receiver as a process that can be killed: `python -m tests.uplink.centre PORT PATH`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.uplink.conftest import receiver_of


def main() -> None:
    """Receive until killed."""
    receiver = receiver_of(int(sys.argv[1]), Path(sys.argv[2]))
    asyncio.run(receiver.run())


if __name__ == "__main__":
    main()
