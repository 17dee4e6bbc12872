"""What is wrong on the way to the centre: said once in the log when it begins and once when it is over, and kept for `health`."""

from __future__ import annotations

import logging

_LOG = logging.getLogger("edge.uplink")


class Complaints:
    """Standing complaints by word. The words go into `health.degraded`, the sentences into the log."""

    def __init__(self) -> None:
        self._standing: dict[str, str] = {}

    def begin(self, word: str, sentence: str, *args: object) -> None:
        """Something is wrong; said only if it was not already."""
        if word in self._standing:
            return
        self._standing[word] = sentence % args
        _LOG.warning(sentence, *args)

    def end(self, word: str, sentence: str, *args: object) -> None:
        """It is over; said only if it had been said."""
        if self._standing.pop(word, None) is not None:
            _LOG.info(sentence, *args)

    def words(self) -> tuple[str, ...]:
        """Every standing complaint, in alphabetical order."""
        return tuple(sorted(self._standing))
