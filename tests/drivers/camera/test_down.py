"""Why a camera is down, in words of one list that doctor, the worker and the log share."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable
from typing import get_args

import pytest

from drivers.camera import rtsp
from drivers.camera.contract import Camera
from drivers.camera.down import Down, why
from drivers.errors import NoAnswer, Refused
from edge.installer.words import CAMERA_DOWN

from .test_rtsp_session import Peer, options, peer, said

__all__ = ["peer"]  # the fixture

DESCRIPTION = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"


def test_every_word_has_its_chinese() -> None:
    """And there is no Chinese for a word that is never said."""
    assert set(CAMERA_DOWN) == set(get_args(Down))


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "no route to the camera"),
        (OSError(errno.ENETUNREACH, "x"), "no route to the camera"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "hung up"),
        (BrokenPipeError(errno.EPIPE, "x"), "hung up"),
        (PermissionError(errno.EPERM, "x"), "address not allowed here"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "name not known"),
        (TimeoutError("timed out"), "no answer"),
        (ssl.SSLCertVerificationError("x"), "certificate not trusted"),
        (ssl.SSLError("x"), "does not speak TLS"),
        (Refused("rtsp://gate:secret@10.1.2.3/ is wrong"), "failed"),
        (NoAnswer("hung up"), "hung up"),
        (OSError("rtsp://gate:secret@10.1.2.3/"), "failed"),
        (ValueError("rtsp://gate:secret@10.1.2.3/"), "failed"),
    ],
)
def test_words(error: Exception, word: str) -> None:
    """No class name and no address, whatever went wrong."""
    assert why(error) == word


@pytest.mark.peer("av")
@pytest.mark.parametrize(
    ("at", "status", "word"),
    [
        ("SETUP", "461 Unsupported Transport", "does not send over TCP"),
        ("SETUP", "200 OK\r\nTransport: RTP/AVP;unicast;client_port=1-2", "does not send over TCP"),
        ("SETUP", "453 Not Enough Bandwidth", "camera is busy: too many viewers"),
        ("PLAY", "503 Service Unavailable", "camera is busy: too many viewers"),
        ("DESCRIBE", "404 Not Found", "no such stream"),
        ("DESCRIBE", "403 Forbidden", "not allowed"),
        ("DESCRIBE", "551 Option Not Supported", "refuses"),
        ("DESCRIBE", "301 Moved\r\nLocation: rtsp://127.0.0.9/", "sends elsewhere"),
    ],
)
def test_what_a_camera_refuses_with(peer: Callable[..., Peer], at: str, status: str, word: str) -> None:
    """Each refusal that an installer can do something about has its own word."""

    def script(request: str) -> str:
        if request.startswith(at):
            return status + "\r\n"
        if request.startswith("DESCRIBE"):
            return said(DESCRIPTION)
        return "200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"

    assert down(rtsp.make(options(peer(script).port))) == word


@pytest.mark.peer("av")
def test_what_hangs_up_at_once() -> None:
    """Something that takes the connection and ends it."""
    listening = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                listening.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=hang_up, daemon=True).start()
    assert down(rtsp.make(options(listening.getsockname()[1]))) == "hung up"
    listening.close()


def down(camera: Camera) -> str:
    """The first reason of a camera that never comes up."""
    camera.start()
    try:
        while (told := camera.state().why) == "starting":
            pass
    finally:
        assert camera.stop(10.0)
    assert not re.search(r"[A-Z][a-z]+Error", told)
    return told
