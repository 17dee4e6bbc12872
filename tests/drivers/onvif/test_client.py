"""Connecting to a device: its clock, its account, its addresses, and bounds on everything it may do to us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from drivers.errors import DriverError, Garbled, LineLost, NoAnswer, Refused
from drivers.onvif import Device, Endpoint, NotAllowed, Skew, Source, connect
from drivers.onvif.io import Ports
from drivers.onvif.pullpoint import subscribe
from drivers.onvif.simulator import Behaviour, words
from drivers.onvif.simulator.http import Reply, Request
from tests.drivers.harness import BRISK, PATIENCE_S
from tests.drivers.onvif.conftest import Start

pytestmark = pytest.mark.peer("onvif")

HOUR = 3600.0
SLACK_S = 20.0  # a clock with whole seconds, read on a machine that pauses


@asynccontextmanager
async def connected(endpoint: Endpoint) -> AsyncIterator[Device]:
    """A device, closed at the end."""
    device = await connect(endpoint)
    try:
        yield device
    finally:
        await device.close()


def about(skew: Skew, seconds: float) -> bool:
    """Whether a skew is so much."""
    return abs(skew.seconds - seconds) < SLACK_S


async def test_who_it_is(start: Start) -> None:
    """A device says who it is and where its services are."""
    _, options = await start()
    async with connected(options) as device:
        assert (device.information.serial, device.information.hardware) == ("SIM-0001", "sim")
        assert all(device.soap.knows(service) for service in ("media", "events", "deviceio"))


@pytest.mark.parametrize("auth", ["wsse", "digest", "either"])
async def test_every_way_to_sign(start: Start, auth: str) -> None:
    """A device that wants WS-Security, HTTP digest or either is spoken to without saying which; a wrong password is NotAllowed."""
    _, options = await start(behaviour=Behaviour(auth=auth))
    async with connected(options) as device:
        assert device.information.serial == "SIM-0001"
    with pytest.raises(NotAllowed):
        await connect(options.model_copy(update={"password": type(options.password)("wrong")}))


@pytest.mark.parametrize(("auth", "other"), [("wsse", "digest"), ("digest", "wsse")])
async def test_a_way_that_was_chosen(start: Start, auth: str, other: str) -> None:
    """With the one way named, the other is not tried."""
    _, options = await start(behaviour=Behaviour(auth=auth), options={"auth": auth})
    async with connected(options):
        pass
    with pytest.raises(NotAllowed):
        await connect(options.model_copy(update={"auth": other}))


@pytest.mark.parametrize("hours", [-30.0, -1.0, 0.0, 1.0, 24.0 * 365])
async def test_a_clock_that_is_wrong(start: Start, hours: float) -> None:
    """A wrong clock is read before anybody signs, allowed for and reported."""
    camera, options = await start(behaviour=Behaviour(skew_s=hours * HOUR))
    async with connected(options) as device:
        assert about(device.skew, hours * HOUR)
        assert device.skew.source is Source.DEVICE
        assert camera.refused == 0


@pytest.mark.parametrize("hours", [0.0, -2.0, 5.0])
async def test_a_clock_behind_a_lock(start: Start, hours: float) -> None:
    """A device that wants even the question for its time signed is read by the header of its refusal, then properly."""
    _, options = await start(behaviour=Behaviour(skew_s=hours * HOUR, signs_everything=True))
    async with connected(options) as device:
        assert about(device.skew, hours * HOUR)
        assert device.skew.source is Source.DEVICE


async def test_a_clock_behind_a_lock_that_is_right(start: Start) -> None:
    """Without even a Date header our own time is tried: most clocks are right. A wrong one cannot be known and is refused."""
    _, options = await start(behaviour=Behaviour(signs_everything=True, tells_date=False))
    async with connected(options) as device:
        assert device.skew == Skew(0.0, Source.ASSUMED)
    _, options = await start(behaviour=Behaviour(signs_everything=True, tells_date=False, skew_s=HOUR))
    with pytest.raises(NotAllowed):
        await connect(options)


async def test_local_time_told_as_utc(start: Start) -> None:
    """A device that says local time where UTC belongs is signed for with the time of its HTTP header."""
    _, options = await start(behaviour=Behaviour(tells_local_time=True))
    async with connected(options) as device:
        assert about(device.skew, 0.0)
        assert device.skew.source is Source.HTTP


async def test_few_tries(start: Start) -> None:
    """A wrong password costs at most three refused signatures: devices lock an account after five."""
    camera, options = await start(behaviour=Behaviour(tells_local_time=True, skew_s=HOUR), options={"password": "wrong"})
    with pytest.raises(NotAllowed):
        await connect(options)
    assert camera.refused <= 3


@pytest.mark.parametrize("auth", ["digest", "either"])
async def test_one_digest_of_a_wrong_password(start: Start, auth: str) -> None:
    """No other time makes a refused digest right: whatever else is tried, a second one is not sent."""
    camera, options = await start(behaviour=Behaviour(auth=auth, tells_local_time=True, skew_s=HOUR), options={"password": "wrong"})
    serve, signed = camera._server._answer, list[str]()

    async def count(request: Request) -> Reply | bytes:
        signed.extend(request.headers.get("authorization", "").split()[:1])
        return await serve(request)

    camera._server._answer = count
    with pytest.raises(NotAllowed):
        await connect(options)
    assert signed == ["Digest"]


async def test_putting_a_clock_right(start: Start) -> None:
    """With set_clock a wrong clock is set once; without, or while our own clock cannot be believed, or with NTP there, it is only told."""
    camera, options = await start(behaviour=Behaviour(skew_s=-HOUR))
    async with connected(options):
        pass
    assert "SetSystemDateAndTime" not in camera.asked
    options = options.model_copy(update={"set_clock": True})
    device = await connect(options, wall=lambda: None)
    await device.close()
    assert "SetSystemDateAndTime" not in camera.asked
    async with connected(options) as device:
        assert about(device.skew, 0.0)
        assert abs((camera.clock() - datetime.now(UTC)).total_seconds()) < SLACK_S
        await device.ping()
    assert camera.refused == 0
    follower, options = await start(behaviour=Behaviour(skew_s=-HOUR, follows_ntp=True), options={"set_clock": True})
    async with connected(options) as device:
        assert about(device.skew, -HOUR)
    assert "SetSystemDateAndTime" not in follower.asked


OLD = [
    Behaviour(content_type="text/html"),
    Behaviour(content_type="text/plain; charset=gb2312"),
    Behaviour(content_type=""),
    Behaviour(soap11=True, content_type="text/xml"),
]


@pytest.mark.parametrize("behaviour", OLD, ids=["text/html", "text/plain", "no type", "SOAP 1.1"])
async def test_messages_by_another_name(start: Start, behaviour: Behaviour) -> None:
    """What counts is what is in a message, not what it is called; a refusal in it stays one."""
    _, options = await start(behaviour=behaviour)
    async with connected(options) as device:
        assert device.information.serial == "SIM-0001"
        ports = Ports(device)
        (relay, _) = await ports.relays()
        await ports.set_active(relay, active=True)
        with pytest.raises(Refused):
            await ports.set_active(replace(relay, token="none"), active=True)
        await (await subscribe(device, BRISK)).leave()


HEADS = [
    (b"Content-Length:", b"Content-Length: %d\r\nContent-Length:"),
    (b"Content-Length:", b"content-length:%d\r\nContent-Length:"),
    (b"Connection: close", b"Connection: close\r\nContent-Type: application/soap+xml; charset=utf-8"),
]


@pytest.mark.parametrize(("before", "after"), HEADS, ids=["length", "length otherwise written", "type"])
@pytest.mark.parametrize("auth", ["wsse", "digest"])
async def test_headers_that_come_twice(start: Start, before: bytes, after: bytes, auth: str) -> None:
    """A header that stands in an answer twice with one value is that value, in answers and refusals alike."""
    camera, options = await start(behaviour=Behaviour(auth=auth))
    serve = camera._server._answer

    async def twice(request: Request) -> bytes:
        reply = await serve(request)
        assert isinstance(reply, Reply)
        return reply.to_bytes().replace(before, after.replace(b"%d", str(len(reply.body)).encode()), 1)

    camera._server._answer = twice
    async with connected(options) as device:
        assert device.information.serial == "SIM-0001"
        (relay, _) = await Ports(device).relays()
        with pytest.raises(Refused):
            await Ports(device).set_active(replace(relay, token="none"), active=True)
        await (await subscribe(device, BRISK)).leave()


async def test_a_length_beside_chunks(start: Start) -> None:
    """Where a body comes in chunks, a length beside them means nothing (RFC 9112, 6.3)."""
    camera, options = await start()
    serve = camera._server._answer

    async def chunked(request: Request) -> bytes:
        reply = await serve(request)
        assert isinstance(reply, Reply)
        head, _, body = reply.to_bytes().partition(b"\r\n\r\n")
        return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"

    camera._server._answer = chunked
    async with connected(options) as device:
        assert device.information.serial == "SIM-0001"


async def test_a_refusal_that_is_called_well(start: Start) -> None:
    """A fault with status 200, its prefixes not declared, is a refusal: of the account where it says so."""
    camera, options = await start()
    body = words.fault("ter:NotAuthorized", "no").replace(b' xmlns:ter="http://www.onvif.org/ver10/error"', b"")
    assert b"xmlns:ter" not in body
    camera.behaviour.answer = lambda operation: Reply(200, body).to_bytes() if operation == "GetDeviceInformation" else None
    with pytest.raises(NotAllowed):
        await connect(options)


async def test_a_digest_over_what_is_sent(start: Start) -> None:
    """A device that offers no digest but that over the whole message (auth-int) is answered by it."""
    camera, options = await start(behaviour=Behaviour(auth="digest"))
    camera._door._digest.qop = "auth-int"
    async with connected(options) as device:
        assert device.information.serial == "SIM-0001"
    with pytest.raises(NotAllowed):
        await connect(options.model_copy(update={"password": type(options.password)("wrong")}))


async def test_another_port_of_a_device_by_name(start: Start) -> None:
    """A device that the site knows by name speaks of itself by number: the port in its addresses counts all the same."""
    _, options = await start()
    for host in ("localhost", "LocalHost"):
        async with connected(options.model_copy(update={"host": host})) as device:
            assert device.soap.home("http://127.0.0.1:8080/events") == f"http://{host}:8080/events"
            assert device.soap.home("http://localhost:8080/events") == f"http://{host}:8080/events"
            assert device.soap.home("http://10.9.9.9:8080/events") == f"http://{host}:{options.port}/events"
            await (await subscribe(device, BRISK)).leave()


async def test_values_that_make_no_sense_fill_no_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A clock of impossible numbers is allowed for, and no library writes a traceback for it."""
    camera, options = await start()
    wrong = words.envelope(words.clock(camera.clock(), ntp=False)).replace(b"<tt:Hour>", b"<tt:Hour>noon")
    camera.behaviour.answer = lambda operation: Reply(200, wrong).to_bytes() if operation == "GetSystemDateAndTime" else None
    with contextlib.suppress(DriverError):
        async with connected(options):
            pass
    assert not [record for record in caplog.records if record.exc_info or record.name.startswith("zeep")]


async def test_services_of_an_older_device(start: Start) -> None:
    """Without GetServices the capabilities say where everything is."""
    _, options = await start(behaviour=Behaviour(lists_services=False))
    async with connected(options) as device:
        assert all(device.soap.knows(service) for service in ("media", "events", "deviceio"))


@pytest.mark.parametrize(
    ("given", "home"),
    [
        ("http://10.9.9.9/onvif/media?x=1", "http://127.0.0.1:8000/onvif/media?x=1"),
        ("http://127.0.0.1:99/a", "http://127.0.0.1:99/a"),
        ("https://127.0.0.1/a", "http://127.0.0.1:8000/a"),
        ("file:///etc/passwd", "http://127.0.0.1:8000/etc/passwd"),
        ("http://127.0.0.1@10.9.9.9/a", "http://127.0.0.1:8000/a"),
        ("", "http://127.0.0.1:8000/"),
    ],
)
async def test_no_way_out(given: str, home: str) -> None:
    """No address that a device gives leads to another host."""
    from drivers.onvif.soap import Soap

    soap = Soap(Endpoint(host="127.0.0.1", port=8000))
    try:
        assert soap.home(given) == home
        with pytest.raises(Garbled):
            soap.home("http://[::1/")
    finally:
        await soap.close()


async def test_no_redirect(start: Start) -> None:
    """A redirect is refused, not followed."""
    elsewhere, _ = await start()
    camera, options = await start()
    camera.behaviour.answer = lambda _: Reply(307, b"", (("Location", f"http://127.0.0.1:{elsewhere.port}/"),), "text/html").to_bytes()
    with pytest.raises(Refused):
        await connect(options)
    assert not elsewhere.asked


@pytest.mark.parametrize(
    ("bytes_", "error"),
    [
        (b"", LineLost),
        (b"SSH-2.0-OpenSSH_9.2\r\n", LineLost),
        (Reply(200, b"<html>hello</html>", content_type="text/html").to_bytes(), Refused),
        (Reply(404, b"", content_type="text/html").to_bytes(), Refused),
        (Reply(200, b"").to_bytes(), Garbled),
        (Reply(200, b"<a>" * 5000).to_bytes(), Garbled),
        (Reply(200, b"<a>" + b"x" * (2 << 20) + b"</a>").to_bytes(), Garbled),
        (Reply(200, b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>').to_bytes(), Garbled),
        (Reply(200, b"x", (("Content-Encoding", "gzip"),)).to_bytes(), Garbled),
    ],
)
async def test_answers_that_are_none(start: Start, bytes_: bytes, error: type[DriverError]) -> None:
    """Whatever answers at the address, the error says what kind of trouble it is."""
    camera, options = await start()
    camera.behaviour.answer = lambda operation: bytes_ if operation == "GetDeviceInformation" else None
    with pytest.raises(error):
        await connect(options)


async def test_a_device_that_never_answers() -> None:
    """A port that accepts and keeps silent, and one that accepts nothing, end in bounded time."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(NoAnswer):
            await connect(Endpoint(host="127.0.0.1", port=port, timeout_s=0.5))
    server.close()
    for writer in held:
        writer.close()
    await server.wait_closed()
    with pytest.raises(LineLost):
        await connect(Endpoint(host="127.0.0.1", port=port, timeout_s=0.5))


async def test_nothing_secret_is_said(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """No log line at any level, no error and no repr holds the password, a digest of it or the account."""
    caplog.set_level(logging.DEBUG)
    said = []
    for behaviour in (Behaviour(), Behaviour(auth="digest"), Behaviour(signs_everything=True, skew_s=HOUR)):
        camera, options = await start(behaviour=behaviour, options={"username": "gatekeeper"})
        said.append(repr(options) + str(options.model_dump_json()))
        try:
            await connect(options)
        except DriverError as error:
            said.append(repr(error) + str(error.__cause__))
        camera.behaviour.answer = lambda _: Reply(200, b"<no").to_bytes()
        with pytest.raises(DriverError) as caught:
            await connect(options)
        said.append(repr(caught.value))
    with pytest.raises(ValidationError) as wrong:
        Endpoint(host="http://gatekeeper:p@ss:w/rd@10.1.1.1/")
    said.append(str(wrong.value))
    heard = "\n".join([*said, caplog.text])
    for secret in ("p@ss", "PasswordDigest", "p%40ss", "Digest username"):
        assert secret not in heard
    assert "gatekeeper" not in caplog.text + said[-1]


@pytest.mark.parametrize("host", ["10.1.4.20", "camera-3.gate.lan", "::1", "[fe80::1]"])
def test_hosts(host: str) -> None:
    """Addresses and names are hosts."""
    assert Endpoint(host=host).host == host.strip("[]")


@pytest.mark.parametrize("host", ["", "http://10.1.1.1", "a b", "user@10.1.1.1", "10.1.1.1/onvif", "10.1.1.1:80", "-x"])
def test_no_hosts(host: str) -> None:
    """URLs, ports and accounts are not."""
    with pytest.raises(ValidationError):
        Endpoint(host=host)


def test_importing_the_library_changes_no_log() -> None:
    """The library would set up the root logger when it is imported: in a program that has not, nothing is set up."""
    program = (
        "import asyncio, logging; from drivers.onvif.device import library; asyncio.run(library()); print(logging.getLogger().handlers)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert done.stdout == "[]\n"
