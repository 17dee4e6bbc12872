"""ipycam as a process: `python ipycam_camera.py FOLDER PORT USER PASSWORD SKEW_S [discover]`; says `ready` once it listens.

Its clock is moved by SKEW_S where it looks at one: it has no setting for that, and a namespace has no wall clock of its own.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from typing import Any


def main() -> None:
    """Run until killed."""
    folder, port, user, password, skew_s, *more = sys.argv[1:]
    sys.path.append(folder)
    shift(float(skew_s))
    import ipycam
    import ipycam.camera
    import ipycam.onvif

    ipycam.onvif.datetime = Shifted
    if "discover" not in more:
        ipycam.camera.WSDiscoveryServer = Silent
    config = ipycam.CameraConfig(local_ip="127.0.0.1", onvif_port=int(port), username=user, password=password)
    camera = ipycam.IPCamera(config)
    camera.start()
    print("ready", flush=True)
    threading.Event().wait()


class Shifted(dt.datetime):
    """A datetime whose now is another."""

    ahead = dt.timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        """The moved time."""
        return dt.datetime.now(tz) + cls.ahead


class Silent:
    """Instead of the discovery server, of which there can be one on a machine."""

    def __init__(self, *_: Any) -> None:
        pass

    def start(self) -> None:
        """Do nothing."""


def shift(seconds: float) -> None:
    """Move what the standard library says the time is, in this process."""
    Shifted.ahead = dt.timedelta(seconds=seconds)
    now, gmtime = time.time, time.gmtime
    time.time = lambda: now() + seconds
    time.gmtime = lambda at=None: gmtime(time.time() if at is None else at)


if __name__ == "__main__":
    main()
