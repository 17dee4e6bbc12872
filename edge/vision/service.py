"""The process of systemd/anyu-edge-vision.service: `python -m edge.vision.service`.

It listens at /run/anyu-edge-vision/worker.sock, takes connections of the daemon's account only, and gives each a new worker, which gets
the connection as stdin and stdout and confines itself further. The worker is killed with all its descendants as soon as the daemon closes
the connection: the daemon may not signal another account's processes, and a worker that hangs or was taken over would not end by itself.
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import signal
import socket
import sys
from pathlib import Path

from edge.vision import link

log = logging.getLogger(__name__)

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2): a worker's orphans become our children, whatever session they hid in
_CHILDREN = Path("/proc/self/task")


def main(path: Path = link.SOCKET, daemon: str = link.DAEMON) -> None:
    """Serve until killed."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        os.umask(0o117)  # 0660: whoever may enter the folder (RuntimeDirectoryMode=0750, group anyu-vision)
        listening.bind(str(path))
        os.umask(0o077)
        listening.listen(1)
        while True:
            connection, _ = listening.accept()
            with connection:
                if link.peer(connection)[1] == link.uid_of(daemon):
                    serve(connection)
                else:
                    log.warning("a connection of another account than %s is refused", daemon)


def serve(connection: socket.socket) -> None:
    """One worker, until it ends or the daemon hangs up."""
    worker = link.start(connection)
    ends = os.pidfd_open(worker.pid)
    try:
        poll = select.poll()
        poll.register(ends, select.POLLIN)
        poll.register(connection, select.POLLRDHUP)
        poll.poll()
    finally:
        os.close(ends)
        link.kill_session(worker)
        worker.wait()
        _kill_orphans()
        connection.shutdown(socket.SHUT_RDWR)  # whoever else may still hold it


def _kill_orphans() -> None:
    """Kill and wait for every child there is; there should be none."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            for child in _children():
                os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    return [int(pid) for task in _CHILDREN.iterdir() for pid in (task / "children").read_text().split()]


if __name__ == "__main__":
    main()
