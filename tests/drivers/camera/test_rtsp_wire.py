"""RTSP as bytes: whatever arrives is cut, refused or waited for; digests are those of the RFCs; addresses never lead away."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.rtsp_wire import (
    MAX_HEAD,
    Answer,
    Incoming,
    Packet,
    address_of,
    channels,
    cut,
    request,
    session_of,
    video_of,
)
from drivers.digest import Challenge, authorization, challenge
from drivers.errors import DriverError, Garbled, Refused

OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc"
ASKED = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"
PIECES = st.sampled_from([OK, ASKED, b"$\x00\x00\x02hi", b"$\x01\x00\x00", b"\r\n", b"RTSP/1.0 401 no\r\n\r\n"])


@given(st.lists(PIECES), st.integers(1, 64))
def test_the_same_whatever_the_pieces(pieces: list[bytes], size: int) -> None:
    """Answers and packets come out in order, whole, however the stream was cut; requests of the camera are skipped."""
    whole, parts = Incoming(), Incoming()
    data = b"".join(pieces)
    whole.feed(data)
    found = []
    for start in range(0, len(data), size):
        parts.feed(data[start : start + size])
        found += list(cut(parts))
    assert found == list(cut(whole))
    assert len(found) == sum(piece not in {ASKED, b"\r\n"} for piece in pieces)
    assert set(map(type, found)) <= {Answer, Packet}


@given(st.lists(st.binary() | PIECES))
def test_garbage_is_named(pieces: list[bytes]) -> None:
    """Anything at all is cut or is Garbled."""
    incoming = Incoming()
    with suppress(Garbled):
        for piece in pieces:
            incoming.feed(piece)
            list(cut(incoming))


@pytest.mark.parametrize("data", [b"x" * MAX_HEAD, b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_no_length_is_believed_beyond_its_bound(data: bytes) -> None:
    """A head without end, a body beyond all measure, another protocol."""
    incoming = Incoming()
    incoming.feed(data)
    with pytest.raises(Garbled):
        incoming.next()


@given(st.text(), st.text())
def test_descriptions_and_headers_cannot_break_out(body: str, header: str) -> None:
    """No line of a request or of what FFmpeg is given is made by a camera."""
    described = "m=video 0 RTP/AVP 96\nc=IN IP4 10.0.0.1\na=control:" + body
    video = video_of(described.encode("utf-8", "surrogatepass"), "rtsp://cam/live")
    assert video is not None
    assert video.description.count(b"c=IN") == 1
    assert b"control" not in video.description
    assert b"10.0.0.1" not in video.description
    with suppress(Garbled):
        assert request("SETUP", video.control, 1, {}).count(b"\r\n") == 4
    for read in (lambda: challenge(header, basic=False), lambda: channels(header), lambda: session_of(header)):
        with suppress(DriverError):
            read()


def test_digests_are_those_of_the_rfcs() -> None:
    """RFC 2617 section 3.5 (MD5), RFC 7616 section 3.9.1 (SHA-256), RFC 2617's auth-int by hand, RFC 2069's form without qop."""
    md5 = challenge(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"',
        basic=False,
    )
    said = authorization(md5, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", 1, "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in said
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in said
    sha = Challenge("digest", "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "SHA-256", qop="auth")
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    said = authorization(sha, "Mufasa", "Circle of Life", "GET", "/dir/index.html", 1, cnonce)
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in said
    whole = challenge('Digest realm="Test", qop="auth-int", nonce="n"', basic=False)
    said = authorization(whole, "Mufasa", "Circle Of Life", "POST", "/dir/index.html", 1, "0a4f113b", b"what is sent")
    assert "qop=auth-int" in said
    assert 'response="c80a3a1b22a57935022f0c2991c23c2e"' in said
    old = Challenge("digest", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    said = authorization(old, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", 1, "")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in said


@pytest.mark.parametrize(
    ("header", "algorithm"),
    [
        ('Digest realm="a", nonce="b"', "MD5"),
        ('Basic realm="a"\nDigest realm="a", nonce="b", algorithm=SHA-256', "SHA-256"),
        ('Digest realm="a", nonce="b", Digest realm="a", nonce="c", algorithm="SHA-256", Basic realm="a"', "SHA-256"),
        ('digest nonce="b",realm="a",stale=TRUE,qop=auth', "MD5"),
    ],
)
def test_the_strongest_offer_is_taken(header: str, algorithm: str) -> None:
    """SHA-256 before MD5, and Basic never where there is a digest."""
    for basic in (False, True):
        assert (challenge(header, basic=basic).scheme, challenge(header, basic=basic).algorithm) == ("digest", algorithm)


@pytest.mark.parametrize(
    "header", ['Basic realm="a"', "Digest", 'Digest nonce="b", algorithm=MD5-sess', 'Digest nonce="b", qop="other"', "Negotiate", ""]
)
def test_no_safe_offer_is_refused(header: str) -> None:
    """The clear, an algorithm that we do not have, or nothing."""
    with pytest.raises(Refused):
        challenge(header, basic=False)


@pytest.mark.parametrize(
    ("control", "base", "address"),
    [
        ("*", "rtsp://cam/live/", "rtsp://cam/live/"),
        ("stream=0", "rtsp://cam/live/", "rtsp://cam/live/stream=0"),
        ("track1", "rtsp://cam/live?x=1", "rtsp://cam/live?x=1/track1"),
        ("/live/track1", "rtsps://cam/other", "rtsps://cam/live/track1"),
        ("rtsp://10.9.9.9/t", "rtsp://cam/live", "rtsp://10.9.9.9/t"),
    ],
)
def test_control_addresses(control: str, base: str, address: str) -> None:
    """As cameras mean them; a foreign one is a text in a request on this connection, and nothing that is opened."""
    assert address_of(control, base) == address


@pytest.mark.parametrize(
    ("transport", "there"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=1", (2, 3)),
        ("RTP/AVP/TCP;unicast;Interleaved = 5-6", (5, 6)),
        ("RTP/AVP;unicast;interleaved=0-1", (0, 1)),
        ("RTP/AVP/TCP;unicast;mode=play", (0, 1)),
        ("RTP/AVP/TCP;interleaved=255", (255, 0)),
        ("RTP/AVP/TCP;interleaved=3", (3, 4)),
    ],
)
def test_channels_as_cameras_name_them(transport: str, there: tuple[int, int]) -> None:
    """Any two channels; without TCP, which only TCP has; or none, which are those that were asked for."""
    assert channels(transport) == there


def test_a_channel_that_no_packet_can_name() -> None:
    """A channel is one byte."""
    with pytest.raises(Garbled):
        channels("RTP/AVP/TCP;interleaved=300-301")


def test_heads_as_cameras_write_them() -> None:
    """A header twice with one value is that value; a line that begins with a blank goes on with the header before it."""
    incoming = Incoming()
    incoming.feed(
        b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\nSession: 7;timeout=60\r\nsession: 7;timeout=60\r\ncontent-length: 3\r\n"
        b'WWW-Authenticate: Digest realm="a",\r\n\tnonce="b"\r\nWWW-Authenticate: Basic realm="a"\r\n\r\nabc'
    )
    (answer,) = cut(incoming)
    assert isinstance(answer, Answer)
    assert answer.body == b"abc"
    assert session_of(answer.headers["session"]) == ("7", 60.0)
    assert challenge(answer.headers["www-authenticate"], basic=False).nonce == "b"


def test_two_lengths_are_none() -> None:
    """Where the body ends is not guessed."""
    incoming = Incoming()
    incoming.feed(b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")
    with pytest.raises(Garbled):
        incoming.next()


@pytest.mark.parametrize("transport", ["RTP/AVP;unicast;client_port=1-2", "RTP/AVP/UDP;interleaved=0-1", ""])
def test_only_this_connection_carries_the_stream(transport: str) -> None:
    """A camera that would send elsewhere is refused."""
    with pytest.raises(Refused):
        channels(transport)


def test_a_challenge_costs_no_more_than_its_length() -> None:
    """Of a header made to be searched through once for each of its letters, the beginning alone is looked at."""
    looked = 0

    class Counted(str):
        __slots__ = ()

        def __getitem__(self, part: object) -> str:
            nonlocal looked
            found = super().__getitem__(part)  # type: ignore[index]
            looked += len(found)
            return found

    for hostile in ("Digest " + "a" * 16_000, "Digest " + "a " * 8_000, ", " * 8_000, "Digest " + 'a="' * 5_000):
        looked = 0
        with suppress(Refused):
            challenge(Counted(hostile), basic=False)
        assert 0 < looked <= 2048
