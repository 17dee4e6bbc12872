"""How far the events of a board were fetched: pure, and one line of text on disk.

A board numbers its events from 1. After an outage there may be thousands, and somebody stands at the door: what happens from now on is
fetched at once, what happened meanwhile in the pauses, each in its own order.

    1 ......... done ......... floor ......... live ...... (the board's newest)
      fetched         to catch up      fetched        to fetch at once
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """Every index up to `done`, and every one after `floor` up to `live`, was handed over. done <= floor <= live."""

    done: int
    floor: int
    live: int

    @staticmethod
    def at(newest: int) -> Progress:
        """Begin at the board's newest event: what it recorded before we met is its former owner's."""
        return Progress(newest, newest, newest)

    @staticmethod
    def parse(text: str) -> Progress | None:
        """Read what str() gave; None for anything else."""
        try:
            done, floor, live = (int(part) for part in text.split(" "))
        except ValueError:
            return None
        return Progress(done, floor, live) if 0 <= done <= floor <= live else None

    def __str__(self) -> str:
        return f"{self.done} {self.floor} {self.live}"

    def back(self, newest: int) -> Progress:
        """After an outage with the board's newest event at `newest`.

        What was missed is caught up while live events go first. A catching up that was cut short goes on; what came after it then waits in
        the live lane, in order. A newest below `live` is a board whose memory was cleared: its new events are caught up from its first.
        """
        if newest < self.live:
            return Progress(0, newest, newest)
        if self.done == self.floor:
            return Progress(self.live, newest, newest)
        return self

    def joined(self, met: int, live: int) -> Progress:
        """Where an earlier run stopped, read only after the board was met at its event `met` and fetched from there up to `live`.

        What was recorded up to `met` is caught up; what was fetched beyond the gap of one cut short comes twice: nothing may lack.
        """
        if met < self.live:
            return Progress(0, met, live)
        return Progress(self.live if self.done == self.floor else self.done, met, live)

    def next_live(self, newest: int) -> int | None:
        """The index to fetch at once, if any."""
        return self.live + 1 if newest > self.live else None

    def next_late(self) -> int | None:
        """The index to catch up with, if any."""
        return self.done + 1 if self.done < self.floor else None

    def took_live(self, upto: int) -> Progress:
        """After handing over the live lane up to `upto`."""
        return replace(self, live=upto) if self.done < self.floor else Progress(upto, upto, upto)

    def took_late(self, upto: int) -> Progress:
        """After handing over the late lane up to `upto`; a lane that is caught up joins the live one."""
        return replace(self, done=upto) if upto < self.floor else Progress(self.live, self.live, self.live)
