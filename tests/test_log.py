"""Log lines: one per record, with what must not be written blanked out."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import re
import sys
from collections.abc import Iterator

import pytest

from edge.log import QUEUED, OneLine, Queued, redact, set_up


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mqtts://gate:p@ss:w/rd@centre.example:8883 refused", "mqtts://***@centre.example:8883 refused"),
        ("rtsp://admin:1@10.0.0.8/stream", "rtsp://***@10.0.0.8/stream"),
        ("unknown card 0013477100.", "unknown card ***."),
        ("卡号0013477100未登记", "卡号***未登记"),
        ("card=42220 bits=26", "card=*** bits=26"),
        ("got dec:0013477100 and fc:205,42220 and hex:00CDA4EC", "got dec:*** and fc:*** and hex:***"),
        ("310114199001011234", "***"),
        ("31011419900101123X came", "*** came"),
        ("permit G12345678 ended", "permit *** ended"),
        ("invalid literal for int(): '123456'", "invalid literal for int(): '***'"),
        ('{"password": "hunter2", "user": "gate"}', '{"password": ***", "user": "gate"}'),
        ("tel. 13800138000, again", "tel. ***, again"),
    ],
)
def test_secrets_are_blanked(line: str, expected: str) -> None:
    """Card-like numbers, identity numbers, telephone numbers and credentials inside URLs never reach the log."""
    assert redact(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "head seq=1000000 after 12 ms",
        "unit journal: pid=4194304 ended",
        "2026-11-23T00:21:00.123Z started",
        "/dev/serial/by-id/usb-FTDI_FT232R_A50285BI_00123456-if00-port0 lost",
        "event gw1-3f9a1c22-1234567 acknowledged",
        "fe80:0000:00ff:fe12:345678::1",
        "mono 123456.789012 s",
        "broker mqtts://centre.example:8883 is back",
        "events 1000000 waiting",
        "port 18830 in use, uid=100000",
    ],
)
def test_harmless_numbers_stay(line: str) -> None:
    """Counters, times, paths, addresses and event ids are not mistaken for cards."""
    assert redact(line) == line


def test_one_line_per_record_with_priority() -> None:
    """A traceback becomes part of its one line, and journald's priority leads it."""
    out = io.StringIO()
    set_up("info", stream=out)
    try:
        int("card 0013477100")
    except ValueError:
        logging.getLogger("edge.x").exception("decoding failed\nbadly")
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("<3>edge.x: decoding failed ⏎ badly ⏎ Traceback")
    assert "0013477100" not in lines[0]


def test_a_stderr_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs us inside their own program has the lines where they put stderr."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    set_up("info")
    logging.getLogger("edge.x").info("heard")
    assert out.getvalue() == "<6>edge.x: heard\n"


@pytest.mark.parametrize("form", ["journal", "plain", "colour"])
def test_nothing_in_a_line_moves_a_terminal(form: str) -> None:
    """A forged reason with a line end, escapes and marks stays one line of its own; Chinese and combining characters stay."""
    forged = "other\n<6>edge.control: unlock by root\x1b]0;owned\x07\x1b[2K\u202e\x9b2J\r\u2028\ud800张三 e\u0301 𮯠"
    record = logging.makeLogRecord({"name": "edge.control", "levelno": logging.INFO, "levelname": "INFO", "msg": "%s", "args": (forged,)})
    line = OneLine(form).format(record)
    text = line[line.index("edge.control: ") :]
    assert text.startswith("edge.control: other ⏎ <6>edge.control: unlock by root]0;owned[2K2J")
    assert text.endswith("张三 e\u0301 𮯠")
    assert text.isprintable()


def test_at_a_tty_it_is_for_people() -> None:
    """At a terminal a line has the time and a coloured level instead of a priority."""
    record = logging.makeLogRecord(
        {"name": "edge.gate", "levelno": logging.WARNING, "levelname": "WARNING", "msg": "north: %s", "args": ("held",)}
    )
    line = OneLine("colour").format(record)
    assert "\x1b[33mwarning" in line
    assert line.endswith("edge.gate: north: held")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe that holds one page."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    yield ends
    for end in ends:
        os.close(end)


def say(handler: Queued, text: str) -> None:
    """Log it there."""
    handler.handle(logging.makeLogRecord({"name": "edge.x", "levelno": logging.INFO, "levelname": "INFO", "msg": text}))


def heard(end: int, last: str) -> list[str]:
    """Every line up to the one that ends in `last`."""
    with os.fdopen(os.dup(end), encoding="utf-8") as lines:
        found = []
        for line in lines:
            found.append(line.rstrip("\n"))
            if found[-1].endswith(last):
                break
    return found


@pytest.mark.parametrize("blocking", [True, False])
def test_who_logs_does_not_wait_for_who_reads(pipe: tuple[int, int], blocking: bool) -> None:
    """A pipe that nobody reads: lines wait, then are dropped and counted; once it is read every line is there or in the count."""
    os.set_blocking(pipe[1], blocking)
    handler = Queued(pipe[1])
    handler.setFormatter(OneLine("journal"))
    for _ in range(3 * QUEUED):
        say(handler, "a line of some length, so that the pipe is soon full: " + 100 * "·")
    assert handler.queue.qsize() == QUEUED
    first = os.read(pipe[0], 1 << 20).decode().count("\n")
    while handler.queue.qsize() == QUEUED:
        first += os.read(pipe[0], 1 << 20).decode().count("\n")
    say(handler, "the last")
    lines = heard(pipe[0], "the last")
    (told,) = (line for line in lines if "dropped" in line)
    dropped = int(re.sub(r".*: ", "", told))
    assert lines.index(told) == len(lines) - 2
    assert first + len(lines) - 2 + dropped == 3 * QUEUED
    handler.close()


def test_a_log_that_nobody_reads_does_not_hold_the_end(pipe: tuple[int, int]) -> None:
    """`close` waits for what can be written; what cannot is left."""
    handler = Queued(pipe[1])
    say(handler, "short")
    handler.close()
    assert os.read(pipe[0], 100) == b"short\n", "written before close returned"
    for _ in range(100):
        say(handler, "x" * 1000)
    handler.close()


def test_a_log_without_a_reader_costs_nothing_else() -> None:
    """The other end is closed, as by a collector that ended: lines are lost, and the next ones are taken as well."""
    gone = os.pipe()
    os.close(gone[0])
    handler = Queued(gone[1])
    os.close(gone[1])
    for _ in range(2):
        say(handler, "to nobody")
        handler.close()
        assert handler.queue.empty()


@pytest.fixture(autouse=True)
def _leave_logging_alone() -> object:
    """Put the root logger back as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = True
    logging.captureWarnings(capture=False)
    assert sys.stderr is not None
