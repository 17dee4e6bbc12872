"""The demo's own broker as a process: `python -m edge.demo.broker PORT`. A site runs mosquitto; this one speaks MQTT 3.1.1 only."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings


async def serve(port: int) -> None:
    """Serve on 127.0.0.1 until killed; prints "ready" once it listens."""
    from amqtt.broker import Broker

    anyone = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": anyone})
    await broker.start()
    print("ready", flush=True)  # whoever started us waits for it
    await asyncio.Event().wait()


def main() -> None:
    """Run."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)  # the daemon and the receiver say what a broker does to them
    asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
