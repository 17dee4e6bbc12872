"""Log lines: one per record, with the priority journald reads, colour at a tty, and a last look for what must never be written.

Nothing secret is meant to reach a log line in the first place; `redact` is the net under that rule, not the rule.
Whoever logs never waits for whoever reads the log: lines are written by a thread of their own.
"""

from __future__ import annotations

import logging
import os
import re
import select
import sys
import threading
import time
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import TextIO

from edge.printable import printable

# syslog's numbers, which journald takes from a "<N>" at the start of a line (sd-daemon(3))
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_COLOUR = {logging.DEBUG: "2", logging.INFO: "36", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "1;31"}

# A password may hold "@", ":" and "/", so everything up to the last "@" of the word goes.
_URL = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s\"'<>]*@", re.IGNORECASE)
_SECRET = re.compile(r"(?P<key>\b(?:password|passwd|secret|token)\b[\"']?\s*[=:]\s*)[\"']?[^\s,;\"'}\])]+", re.IGNORECASE)
_NUMBER = re.compile(r"(?P<key>\b(?:pin|card|permit(?:_no)?|phone)\b[\"']?\s*[=:]\s*)[\"']?[^\s,;\"'}\])]*\d[^\s,;\"'}\])]*", re.IGNORECASE)
_NOTATION = re.compile(r"\b(?P<kind>dec|hex):[0-9A-Fa-f]+|\b(?P<fc>fc):\d+,\d+", re.IGNORECASE)
# A run of 6 or more digits that stands alone is a card, a PIN, a permit or a telephone number (an identity number ends in X). A run that is
# part of a word, a path, a decimal or an address is none of them, and the counters below are known to be harmless.
_COUNTER = "".join(
    rf"(?<!\b{key}[=:])(?<!\b{key} )" for key in ("seq", "pid", "uid", "gid", "head", "upto", "bytes", "events", "rows", "after")
)
_DIGITS = re.compile(rf"(?<![A-Za-z0-9_./-])(?<!\d:){_COUNTER}(?:[A-Z]{{1,3}})?\d{{6,}}[Xx]?(?![A-Za-z0-9_/:-])(?!\.\d)")


QUEUED = 1_000  # lines that wait for their reader: 0.2 MB, and more than a gate writes in its busiest minute
LAST_LINES_S = 0.5  # what is still queued at the end of the process has this long; a stop may take 5 s in all


def redact(text: str) -> str:
    """Blank out credentials inside URLs, values after secret-looking keys, card notations and lone runs of 6 or more digits."""
    text = _URL.sub(r"\g<scheme>***@", text)
    text = _SECRET.sub(r"\g<key>***", text)
    text = _NUMBER.sub(r"\g<key>***", text)
    text = _NOTATION.sub(lambda found: f"{found['kind'] or found['fc']}:***", text)
    return _DIGITS.sub("***", text)


class OneLine(logging.Formatter):
    """Every record as one line, traceback included, redacted last of all.

    `form` is "journal" (`<4>edge.supervisor: …`, journald has the time), "plain" (with the time) or "colour" (the same, coloured).
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Compose the line."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        text = redact(" ⏎ ".join(printable(line).rstrip() for line in text.splitlines() if line.strip()))
        level = max((number for number in _PRIORITY if number <= record.levelno), default=logging.DEBUG)
        if self._form == "journal":
            return f"<{_PRIORITY[level]}>{record.name}: {text}"
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        if self._form == "colour":
            return f"\x1b[2m{at}\x1b[0m \x1b[{_COLOUR[level]}m{record.levelname.lower():<8}\x1b[0m {record.name}: {text}"
        return f"{at} {record.levelname.lower():<8} {record.name}: {text}"


class Queued(QueueHandler):
    """Lines into a file descriptor, by a thread: with a pipe that nobody reads, lines are dropped and nobody waits.

    At most QUEUED lines wait. The first line that finds room again is preceded by one that says how many were dropped.
    """

    queue: SimpleQueue[bytes | threading.Event]  # reentrant, for signal handlers log too

    def __init__(self, fd: int) -> None:
        super().__init__(SimpleQueue())
        self._fd = os.dup(fd)  # ours alone: nobody closes it and opens another file under its number
        self._dropped = 0
        threading.Thread(target=self._write, name="log", daemon=True).start()

    def enqueue(self, record: logging.LogRecord) -> None:
        """Take a formatted record; called with the handler's lock held."""
        if self.queue.qsize() >= QUEUED:
            self._dropped += 1
            return
        if self._dropped:
            told = logging.makeLogRecord({"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"})
            told.msg = f"lines dropped, for nobody read the log: {self._dropped}"
            self._dropped = 0
            self._put(self.format(told))
        self._put(record.msg)

    def close(self) -> None:
        """Wait until everything is written, for LAST_LINES_S at most."""
        done = threading.Event()
        self.queue.put(done)
        done.wait(LAST_LINES_S)
        super().close()

    def _put(self, line: str) -> None:
        self.queue.put(line.encode(errors="backslashreplace") + b"\n")

    def _write(self) -> None:
        while True:
            line = self.queue.get()
            if isinstance(line, threading.Event):
                line.set()
                continue
            try:
                while line:
                    select.select([], [self._fd], [])  # another holder of the pipe may have made it non-blocking
                    line = line[os.write(self._fd, line) :]
            except OSError:
                continue  # the other end is closed: nobody is there to be told


def set_up(level: str = "info", *, stream: TextIO | None = None, under_systemd: bool = False) -> None:
    """Send every record to stderr, or to `stream` at once: journald's form under systemd or when nobody watches, colour at a tty.

    Replaces earlier handlers, so that it can be called again. `level` is debug, info, warning or error.
    """
    where = stream or sys.stderr
    form = "journal" if under_systemd or not where.isatty() else "colour"
    handler: logging.Handler
    try:
        handler = logging.StreamHandler(stream) if stream else Queued(where.fileno())
    except OSError:  # another program put something in the place of stderr that is no file
        handler = logging.StreamHandler(where)
    logging.raiseExceptions = stream is not None  # logging's own complaint would go to stderr past the queue
    handler.setFormatter(OneLine(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for chatty in ("asyncio", "watchfiles"):  # they tell of every slow callback and every file event at debug
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
