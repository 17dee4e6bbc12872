"""RTSP servers that can be started, killed and frozen."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("rtsp_server.py")


@dataclass
class RtspServer:
    """One server process on a port of its own; it may be killed and started again there."""

    port: int
    arguments: list[str]
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(SCRIPT), str(self.port), *self.arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def signal(self, number: int) -> None:
        """Send a signal (SIGSTOP freezes, SIGCONT thaws)."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill at once."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def url(self) -> str:
        """Where the stream is, without credentials."""
        return f"rtsp://127.0.0.1:{self.port}/live"


def free_port() -> int:
    """A port nobody holds just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def rtsp_server() -> Iterator[Callable[..., RtspServer]]:
    """Make servers: codec, size, frames between keyframes, and a user with a password where asked."""
    made: list[RtspServer] = []

    def make(codec: str = "h264", size: tuple[int, int] = (640, 360), gop: int = 25, user: str = "", password: str = "") -> RtspServer:
        credentials = [user, password] if user else []
        server = RtspServer(free_port(), [codec, str(size[0]), str(size[1]), str(gop), *credentials])
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.kill()
