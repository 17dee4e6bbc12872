"""Which numbers of one run are here. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

MOST_SPANS = 10_000
"""Islands beyond the contiguous part that are remembered (1 MB): a gateway makes a handful; only nonsense makes more."""


class Coverage:
    """Numbers from 1 on: everything up to `contiguous`, and islands beyond it."""

    def __init__(self, contiguous: int = 0, beyond: Iterable[int] = ()) -> None:
        self.contiguous = contiguous
        """Everything up to here is covered."""
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for seq in beyond:
            self.add(seq, seq)

    def __contains__(self, seq: int) -> bool:
        if seq <= self.contiguous:
            return True
        at = bisect_left(self._lasts, seq)
        return at < len(self._lasts) and self._firsts[at] <= seq

    @property
    def last(self) -> int:
        """The highest number covered."""
        return self._lasts[-1] if self._lasts else self.contiguous

    def count(self) -> int:
        """How many numbers are covered."""
        return self.contiguous + sum(last - first + 1 for first, last in zip(self._firsts, self._lasts, strict=True))

    def add(self, first: int, last: int) -> bool:
        """Cover first..last. False, and nothing done, when that would make one island too many."""
        if first <= self.contiguous + 1 and not self._firsts:
            self.contiguous = max(self.contiguous, last)
            return True
        # the islands that touch first-1..last+1 become one
        low = bisect_left(self._lasts, first - 1)
        high = low
        while high < len(self._firsts) and self._firsts[high] <= last + 1:
            high += 1
        if low == high and first > self.contiguous + 1 and len(self._firsts) >= MOST_SPANS:
            return False
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high], self._lasts[low:high] = [first], [last]
        if self._firsts[0] <= self.contiguous + 1:
            self.contiguous = max(self.contiguous, self._lasts[0])
            del self._firsts[0], self._lasts[0]
        return True

    def gaps(self, upto: int) -> list[tuple[int, int]]:
        """What is not covered from 1 to `upto`, as (first, last)."""
        out: list[tuple[int, int]] = []
        next_ = self.contiguous + 1
        for first, last in zip(self._firsts, self._lasts, strict=True):
            if next_ > upto:
                break
            out.append((next_, min(first - 1, upto)))
            next_ = last + 1
        if next_ <= upto:
            out.append((next_, upto))
        return out
