"""The receiver as a process that can be killed: `python -m tests.uplink.centre PORT PATH`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings


def main() -> None:
    """Receive until killed."""
    asyncio.run(Receiver(BrokerSettings(broker=f"mqtt://127.0.0.1:{sys.argv[1]}", reconnect_max_s=1), Path(sys.argv[2])).run())


if __name__ == "__main__":
    main()
