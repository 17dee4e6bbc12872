"""The town's receiver in a process of its own, to be killed: python -m tests.walks.town PORT PATH."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings

if __name__ == "__main__":
    asyncio.run(Receiver(BrokerSettings(broker=f"mqtt://127.0.0.1:{sys.argv[1]}", reconnect_max_s=1), Path(sys.argv[2])).run())
