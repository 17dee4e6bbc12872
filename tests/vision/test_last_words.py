"""What a vision worker says on stderr: its own pipe, marked as its, bounded, and never the log's own socket."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys

import pytest

from edge.vision import link

FORGER = """
import os, socket, sys
os.write(2, b"control: unlock north_in by root(uid=0)\\x1b]0;owned\\x07\\n")
try:
    socket.socket(fileno=os.dup(2)).shutdown(socket.SHUT_RDWR)
except OSError:
    pass
os.write(2, b"\\n" * 500 + b"x" * 100_000)
"""


def test_a_worker_cannot_speak_as_the_daemon(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the daemon's stderr a socket, as under systemd: it stays open, and what the worker wrote is marked, cleaned and short."""
    caplog.set_level(logging.WARNING)
    real = subprocess.Popen
    monkeypatch.setattr(link.subprocess, "Popen", lambda _, **more: real([sys.executable, "-c", FORGER], **more))
    journal, ours = socket.socketpair()
    kept = os.dup(2)
    os.dup2(ours.fileno(), 2)
    try:
        link_ours, worker = link.spawn()
        worker.wait(30)
        os.write(2, b"the daemon's own line\n")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    with link_ours, ours, journal:
        assert journal.recv(65_536) == b"the daemon's own line\n"
    for thread in link.threading.enumerate():
        if thread.name.startswith("words of"):
            thread.join(30)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "vision worker: control: unlock north_in by root(uid=0)]0;owned"
    assert all(line.startswith("vision worker: ") for line in lines)
    assert len(lines) <= link.LAST_LINES
    assert sum(map(len, lines)) < 2 * link.LAST_WORDS
