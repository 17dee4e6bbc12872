"""Log lines: one per record, with the priority journald reads, colour at a tty, and a last look for what must never be written.

Nothing secret is meant to reach a log line in the first place; `redact` is the net under that rule, not the rule.
"""

from __future__ import annotations

import logging
import re
import sys
import time
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


def set_up(level: str = "info", *, stream: TextIO | None = None, under_systemd: bool = False) -> None:
    """Send every record to `stream` (stderr): journald's form under systemd or when nobody watches, colour at a tty.

    Replaces earlier handlers, so that it can be called again. `level` is debug, info, warning or error.
    """
    stream = stream or sys.stderr
    form = "journal" if under_systemd or not stream.isatty() else "colour"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for chatty in ("asyncio", "watchfiles"):  # they tell of every slow callback and every file event at debug
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
