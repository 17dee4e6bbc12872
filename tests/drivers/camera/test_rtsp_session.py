"""An RTSP session against whoever answers in a camera's stead, and against GStreamer's server behind TLS."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.camera import rtsp
from drivers.camera.rtsp import Options, open_stream
from drivers.camera.rtsp_session import PACKET_READ, Session, WrongPassword
from drivers.errors import Refused

from .conftest import RtspServer

PASSWORD = "CameraSecret1"
DESCRIPTION = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
BASIC = 'WWW-Authenticate: Basic realm="x"\r\n'
DIGEST = 'WWW-Authenticate: Digest realm="x", nonce="{}"\r\n'

Script = Callable[[str], str]


class Peer:
    """A server on 127.0.0.1 that answers each request by a script and remembers all it heard; ended at the end of the test."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script, self.tls, self.heard = script, tls, list[str]()
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                there, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(there,), daemon=True).start()

    def _talk(self, there: socket.socket) -> None:
        try:
            with self.tls.wrap_socket(there, server_side=True) if self.tls else there as here:
                data = b""
                while chunk := here.recv(65536):
                    *requests, data = (data + chunk).split(b"\r\n\r\n")
                    for one in requests:
                        self.heard.append(one.decode(errors="replace"))
                        number = re.search(r"CSeq: (\d+)", self.heard[-1])
                        status, _, rest = self.script(self.heard[-1]).partition("\r\n")
                        here.sendall(f"RTSP/1.0 {status}\r\nCSeq: {number[1] if number else 0}\r\n{rest}\r\n".encode())
        except OSError:
            pass

    def passwords(self) -> list[str]:
        """What it was given in the clear."""
        found = (re.search(r"Authorization: Basic (\S+)", one) for one in self.heard)
        return [base64.b64decode(one[1]).decode() for one in found if one]


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Make peers."""
    made: list[Peer] = []

    def make(script: Script, tls: ssl.SSLContext | None = None) -> Peer:
        made.append(Peer(script, tls))
        return made[-1]

    yield make
    for one in made:
        one.socket.close()


def options(port: int, scheme: str = "rtsp", **more: object) -> Options:
    """A camera at this port."""
    return Options.model_validate({"url": f"{scheme}://127.0.0.1:{port}/s", "username": "viewer", "password": PASSWORD, **more})


def said(text: str) -> str:
    """An answer with a description."""
    return f"200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".removesuffix("\r\n")


@pytest.mark.peer("av")
def test_nobody_who_asks_for_basic_gets_the_password(peer: Callable[..., Peer]) -> None:
    """Asked for at the first question or later, before or after a digest: nothing but a digest is ever sent."""

    def later(request: str) -> str:
        if request.startswith("OPTIONS"):
            return "200 OK\r\n"
        return f"401 no\r\n{BASIC if 'Authorization' in request else DIGEST.format(1)}"

    for script in (lambda _: f"401 no\r\n{BASIC}", later):
        server = peer(script)
        with pytest.raises(Refused, match="in the clear"):
            open_stream(options(server.port))
        assert server.heard
        assert not server.passwords()
        assert PASSWORD not in "".join(server.heard)


@pytest.mark.peer("av")
def test_basic_where_the_site_says_so(peer: Callable[..., Peer]) -> None:
    """`auth: basic` gives it to who asks for it so, and still takes a digest where there is one."""
    server = peer(lambda _: f"401 no\r\n{BASIC}")
    with pytest.raises(WrongPassword):
        open_stream(options(server.port, auth="basic"))
    assert server.passwords() == [f"viewer:{PASSWORD}"]
    both = peer(lambda _: f"401 no\r\n{BASIC}{DIGEST.format(1)}")
    with pytest.raises(WrongPassword):
        open_stream(options(both.port, auth="basic"))
    assert not both.passwords()


@pytest.mark.peer("av")
@pytest.mark.parametrize("target", ["rtsp", "http", "tcp", "file"])
@pytest.mark.parametrize("at", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
def test_no_answer_leads_elsewhere(peer: Callable[..., Peer], at: str, target: str) -> None:
    """A redirect at any step, and foreign addresses in a description: nobody else hears a word."""
    other = peer(lambda _: f"401 no\r\n{BASIC}")

    def away(request: str) -> str:
        if request.startswith(at):
            return f"302 Moved\r\nLocation: {target}://127.0.0.1:{other.port}/x\r\n"
        described = f"c=IN IP4 127.0.0.1\r\n{DESCRIPTION.replace('control:t', f'control:rtsp://127.0.0.1:{other.port}/t')}"
        if request.startswith("DESCRIBE"):
            body = said(described).split("\r\n", 1)[1]
            return f"200 OK\r\nContent-Base: rtsp://127.0.0.1:{other.port}/\r\n{body}"
        return "200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n"

    server = peer(away)
    with pytest.raises(Refused, match="elsewhere"):
        open_stream(options(server.port))
    assert server.heard
    assert not other.connections


@pytest.mark.peer("av")
def test_a_stream_beside_the_connection_is_refused(peer: Callable[..., Peer]) -> None:
    """A camera that would send by UDP is told no; the sandbox could not receive it."""

    def udp(request: str) -> str:
        if request.startswith("DESCRIBE"):
            return said(DESCRIPTION)
        return "200 OK\r\nSession: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n"

    with pytest.raises(Refused, match="TCP"):
        open_stream(options(peer(udp).port))


@pytest.mark.parametrize("status", ["461 Unsupported Transport", "404 Not Found", "500 Internal Server Error", "454 Session Not Found"])
def test_only_the_video_is_asked_for(peer: Callable[..., Peer], status: str) -> None:
    """A track for sound, in front or behind, refused or silent, costs neither the picture nor its time: it is never set up."""
    sound = "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:sound{}\r\n"
    description = DESCRIPTION.replace("m=video", sound.format(1) + "m=video") + sound.format(2)

    def refuses_sound(request: str) -> str:
        if request.startswith("DESCRIBE"):
            return said(description)
        return status + "\r\n" if "sound" in request else "200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"

    camera = peer(refuses_sound)
    session = Session(f"rtsp://127.0.0.1:{camera.port}/s", ("127.0.0.1", camera.port))
    described = session.read(PACKET_READ - 1)
    session.close()
    assert b"m=video" in described
    assert b"m=audio" not in described
    assert not [request for request in camera.heard if "sound" in request]


@pytest.mark.peer("av")
def test_a_stale_nonce_is_no_wrong_password(peer: Callable[..., Peer]) -> None:
    """A camera with a new nonce for every step is signed for anew; one that says no to the second is believed."""
    count = iter(range(1, 100))

    def fussy(request: str) -> str:
        if request.startswith("PLAY"):
            return "404 Not Found\r\n"
        if "Authorization" not in request or (request.startswith("SETUP") and 'nonce="1"' in request):
            return f"401 no\r\n{DIGEST.format(next(count))}"
        return said(DESCRIPTION) if request.startswith("DESCRIBE") else "200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n"

    server = peer(fussy)
    with pytest.raises(Refused, match="no such stream"):
        open_stream(options(server.port))
    no = peer(lambda _: f"401 no\r\n{DIGEST.format(next(count))}")
    with pytest.raises(WrongPassword):
        open_stream(options(no.port))
    assert len(no.heard) == 2, "more tries would lock the account"


class Playing(Peer):
    """A camera that plays: after PLAY `beside` comes, and each sign of life is answered by a new nonce and a packet."""

    PACKET = "$\0\0\4abcd"

    def __init__(self, beside: str) -> None:
        self.beside, self.ended = beside, threading.Event()
        super().__init__(self._play)

    def signs(self) -> list[str]:
        """The signs of life, all that were sent before TEARDOWN."""
        assert self.ended.wait(10)
        methods = [one.split()[0] for one in self.heard]
        return methods[methods.index("PLAY") + 1 : methods.index("TEARDOWN")]

    def _play(self, request: str) -> str:
        if request.startswith("TEARDOWN"):
            self.ended.set()
        if request.startswith("DESCRIBE"):
            return said(DESCRIPTION)
        if request.startswith("PLAY"):
            return f"200 OK\r\n\r\n{self.beside}"
        if any(one.startswith("PLAY") for one in self.heard):
            return f"401 no\r\n{DIGEST.format(len(self.heard))}\r\n{self.PACKET}"
        return "200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n"


def test_answers_that_nobody_asked_for_change_nothing() -> None:
    """A camera that sends 401 without end is not signed for, and costs the others no time."""
    server = Playing("".join(f"RTSP/1.0 401 no\r\n{DIGEST.format(n)}\r\n{Playing.PACKET}" for n in range(3)))
    session = Session(f"rtsp://127.0.0.1:{server.port}/s", ("127.0.0.1", server.port), "viewer", PASSWORD)
    assert [session.read(PACKET_READ) for _ in range(3)] == [b"abcd"] * 3
    session.close()
    server.socket.close()
    assert server.signs() == []


def test_a_camera_that_is_never_content_is_signed_for_once_more() -> None:
    """A sign of life that is answered by a new nonce is repeated at once; the next one waits for its time."""
    server = Playing(Playing.PACKET)
    session = Session(f"rtsp://127.0.0.1:{server.port}/s", ("127.0.0.1", server.port), "viewer", PASSWORD)
    session._alive_at = 1e-9  # due now
    assert [session.read(PACKET_READ) for _ in range(3)] == [b"abcd"] * 3
    session.close()
    server.socket.close()
    assert server.signs() == ["OPTIONS"] * 2


def certificate(folder: Path, name: str, alternative: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for this name, and the server's side of it."""
    key, made = folder / f"{name}.key", folder / f"{name}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(made), "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return made, context


@pytest.mark.peer("av")
def test_an_encrypted_camera_is_verified_before_the_first_word(peer: Callable[..., Peer], tmp_path: Path) -> None:
    """Anybody's certificate, another name in a trusted one, plain RTSP in its stead: no request is sent. Its own file: it is asked."""
    made, context = certificate(tmp_path, "camera-1", "DNS:camera-1")
    server = peer(lambda _: "404 Not Found\r\n", context)
    for more in ({}, {"ca_file": str(made)}, {"ca_file": str(made), "tls_name": "camera-2"}):
        with pytest.raises(ssl.SSLCertVerificationError):
            open_stream(options(server.port, "rtsps", **more))
    assert not server.heard
    plain = peer(lambda _: "404 Not Found\r\n")
    with pytest.raises(OSError, match=r"."):
        open_stream(options(plain.port, "rtsps", ca_file=str(made)))
    assert not plain.passwords()
    with pytest.raises(Refused, match="no such stream"):
        open_stream(options(server.port, "rtsps", ca_file=str(made), tls_name="camera-1"))
    assert server.heard


@pytest.mark.peer("av")
def test_a_file_that_is_no_certificate_is_said(tmp_path: Path) -> None:
    """The camera is down with a word; the others of the worker go on."""
    camera = rtsp.make(options(9, "rtsps", ca_file=str(tmp_path / "none")))
    camera.start()
    try:
        while (why := camera.state().why) == "starting":
            pass
    finally:
        assert camera.stop()
    assert why == "ca_file cannot be used"


def relay(peer_port: int, context: ssl.SSLContext) -> socket.socket:
    """TLS in front of a plain server, for as many connections as come."""
    listening = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def serve() -> None:
        while True:
            try:
                here = context.wrap_socket(listening.accept()[0], server_side=True)
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", peer_port))
            for pair in ((here, there), (there, here)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listening


@pytest.mark.peer("rtsp", "av")
def test_reports_go_on_and_so_does_the_stream(rtsp_server: Callable[..., RtspServer], tmp_path: Path) -> None:
    """Over TLS with a digest, for more than FFmpeg takes between two of its reports: it writes them into our session and reads on."""
    made, context = certificate(tmp_path, "camera", "IP:127.0.0.1")
    server = rtsp_server(size=(1280, 720), gop=1, user="viewer", password=PASSWORD)
    front = relay(server.port, context)
    try:
        container = open_stream(
            options(front.getsockname()[1], "rtsps", url=f"rtsps://127.0.0.1:{front.getsockname()[1]}/live", ca_file=str(made))
        )
        seen = 0
        for packet in container.demux(container.streams.video[0]):
            seen += packet.size
            if seen > 1_000_000:  # a report about every 280 KB
                break
        container.close()
        assert seen > 1_000_000
    finally:
        front.close()
