"""Lines on real ptys and sockets: exclusive, bounded, never blocking, and lost for good once lost."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import socket
import threading
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from drivers.errors import LineLost
from drivers.line import INBOX_LIMIT, Inbox, Line, NullModem, Port, TcpLine, dial, is_unstable_name, listen, open_pty_pair, tcp_address
from tests.drivers.harness import PATIENCE_S, eventually

FLOOD = bytes(64 * 1024)  # more than any kernel buffer here takes for a pty


async def until_lost(line: Line) -> str:
    """Read to the end; give why."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await line.read()
            except LineLost as lost:
                return str(lost)


async def gather(line: Line, size: int) -> bytes:
    """Read exactly so many bytes, however they come."""
    data = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(data) < size:
            data += await line.read()
    return data


def flood(line: Line) -> None:
    """Write until nobody takes it."""
    for _ in range(10_000):
        line.write(FLOOD)


def drain(peer: socket.socket) -> None:
    """Take everything up to an orderly end."""
    while peer.recv(1 << 20):
        pass


async def test_bytes_both_ways_over_a_pty(tmp_path: Path) -> None:
    """All 256 byte values pass a serial port unchanged in both directions."""
    pair = open_pty_pair(tmp_path / "port")
    line = await dial(pair.path)
    everything = bytes(range(256))
    pair.line.write(everything)
    assert await gather(line, 256) == everything
    line.write(everything)
    assert await gather(pair.line, 256) == everything
    await line.close()
    await pair.line.close()


async def test_second_program_is_refused(tmp_path: Path) -> None:
    """A port in use is not shared: the second opening says who is in the way, and after closing it works."""
    pair = open_pty_pair(tmp_path / "port")
    line = await dial(pair.path)
    with pytest.raises(LineLost, match="held by another program"):
        await dial(pair.path)
    await line.close()
    await line.close()
    again = await dial(pair.path)
    await again.close()
    await pair.line.close()


async def test_missing_port_and_no_port(tmp_path: Path) -> None:
    """A path that is not there, and one that is no port, are lost lines and not crashes."""
    with pytest.raises(LineLost, match="No such file"):
        await dial(str(tmp_path / "nothing"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LineLost):
        await dial(str(tmp_path / "file"))


async def test_pulled_plug_is_noticed_at_once(tmp_path: Path) -> None:
    """The other end going away ends a waiting read; writing and reading stay LineLost, closing stays harmless."""
    link = tmp_path / "port"
    pair = open_pty_pair(link)
    line = await dial(pair.path)
    waiting = asyncio.create_task(until_lost(line))
    await asyncio.sleep(0)
    await pair.line.close()
    assert await waiting
    assert not link.exists()
    for _ in range(2):
        with pytest.raises(LineLost):
            line.write(b"x")
        with pytest.raises(LineLost):
            await line.read()
        await line.close()


async def test_device_that_stops_reading_does_not_stop_the_loop(tmp_path: Path) -> None:
    """A write the kernel cannot take whole loses the line instead of waiting, and none of it leaves later."""
    master, slave = pty.openpty()
    line = await dial(os.ttyname(slave))
    with pytest.raises(LineLost, match="does not read"):
        flood(line)
    assert await until_lost(line)
    await line.close()
    os.close(master)
    os.close(slave)


async def test_cancelled_read_loses_nothing() -> None:
    """Bytes that arrive around a cancelled or timed-out read are there for the next one."""
    modem = NullModem()
    near = await modem.dial()
    far = await modem.answer()
    waiting = asyncio.create_task(near.read())
    await asyncio.sleep(0)
    far.write(b"one")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await near.read() == b"one"
    assert await near.read(0.001) == b""
    far.write(b"two")
    assert await near.read(0.0) == b"two"


async def test_bytes_before_the_loss_are_handed_out() -> None:
    """The last words of a device are heard before its loss is."""
    modem = NullModem()
    near = await modem.dial()
    far = await modem.answer()
    far.write(b"last words")
    await far.close()
    assert await near.read() == b"last words"
    with pytest.raises(LineLost, match="hung up"):
        await near.read()


async def test_inbox_is_bounded_against_a_babbling_thread() -> None:
    """A thread that never stops fills 64 KiB and no more, and the loop is woken once."""
    inbox = Inbox(asyncio.get_running_loop())
    thread = threading.Thread(target=lambda: [inbox.put(FLOOD) for _ in range(100)])
    thread.start()
    thread.join()
    assert len(await inbox.get(None)) == INBOX_LIMIT
    assert inbox.dropped == 99 * len(FLOOD)
    inbox.put(b"after")
    assert await inbox.get(None) == b"after"


async def test_tcp_both_ways_and_hang_up() -> None:
    """A device server speaks both ways; its hanging up is a loss; a closed port is refused at once."""
    heard = asyncio.Queue[bytes]()

    async def serve(line: TcpLine) -> None:
        line.write(b"hello")
        heard.put_nowait(await line.read())

    port, task = await listen(serve)
    line = await dial(f"tcp://127.0.0.1:{port}")
    assert await gather(line, 5) == b"hello"
    line.write(b"open")
    assert await heard.get() == b"open"
    assert await until_lost(line)
    await line.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(LineLost, match="refused"):
        await dial(f"tcp://127.0.0.1:{port}")


async def test_tcp_peer_that_stops_reading() -> None:
    """A full send buffer loses the line, and the connection is reset so that what was not taken never arrives."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = await dial(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        with peer:
            with pytest.raises(LineLost, match="does not read"):
                flood(line)
            await line.close()
            peer.settimeout(PATIENCE_S)
            with pytest.raises(ConnectionResetError):
                drain(peer)


async def test_tcp_gives_up_unacknowledged_orders_after_three_seconds() -> None:
    """The kernel is told to keep no byte longer than an unlock may live."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = await dial(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        assert isinstance(line, TcpLine)
        assert line._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000
        assert line._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        await line.close()


async def test_dial_that_is_given_up_leaves_nothing_open(tmp_path: Path) -> None:
    """Cancelling while a port is being opened hands it back."""
    pair = open_pty_pair(tmp_path / "port")
    for _ in range(5):
        dialling = asyncio.create_task(dial(pair.path))
        await asyncio.sleep(0)
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)
    await eventually(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("line ")])
    line = await dial(pair.path)
    await line.close()
    await pair.line.close()


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "/dev/ttyUSB12", "/dev/ttyACM3"])
def test_numbered_names_are_unstable(port: str) -> None:
    """Names that follow the order of plugging in are recognised, so that `check` can warn."""
    assert is_unstable_name(port)


@pytest.mark.parametrize(
    "port", ["/dev/serial/by-id/usb-1a86-if00", "/dev/serial/by-path/pci-0:2", "/dev/ttyS0", "tcp://10.0.0.7:4001", "/dev/ttyUSB"]
)
def test_other_names_are_stable(port: str) -> None:
    """by-id and by-path names, built-in ports and addresses raise no warning, and are ports."""
    assert not is_unstable_name(port)
    assert TypeAdapter(Port).validate_python(port) == port


@pytest.mark.parametrize(
    "port", ["", "ttyUSB0", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:70000", "tcp://u:secret@host:1", "tcp://h:1/x", "udp://h:1"]
)
def test_what_is_no_port(port: str) -> None:
    """Everything else is refused with one kind of error that repeats no credential."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Port).validate_python(port)
    assert caught.value.errors()[0]["type"] == "line_port"
    assert "secret" not in caught.value.errors()[0]["msg"]


def test_addresses() -> None:
    """IPv6 addresses stand in brackets, as in every URL."""
    assert tcp_address("tcp://[::1]:4001") == ("::1", 4001)


async def test_nothing_of_the_bytes_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A card number on the wire is in no log line, at any level."""
    caplog.set_level(logging.DEBUG)
    pair = open_pty_pair(tmp_path / "port")
    line = await dial(pair.path)
    pair.line.write(b"CANARY\r")
    await gather(line, 7)
    await line.close()
    await pair.line.close()
    assert "CANARY" not in caplog.text
