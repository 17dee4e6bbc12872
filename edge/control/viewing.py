"""Looking at people's data: only with a reason, and written down before anything is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from edge.access.events import CustodyViewed
from edge.access.reasons import ViewReason
from edge.clock import Clock
from edge.control.peer import Actor
from edge.errors import CommandRefused
from edge.gate.recorder import Recorder

Viewed = Callable[[Literal["roster", "readings"], Mapping[str, object], Actor], None]


class Viewing:
    """Writes down who looks at what."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder, self._clock = recorder, clock

    def viewed(self, subject: Literal["roster", "readings"], args: Mapping[str, object], actor: Actor) -> None:
        """Somebody is about to see this, for the `reason` in `args`. Raises CommandRefused without one."""
        self.about(subject, args, actor)()

    def about(self, subject: Literal["roster", "readings"], args: Mapping[str, object], actor: Actor) -> Callable[[], None]:
        """The same in two steps, where something may fail before it can be shown: call the answer just before it is."""
        try:
            reason = ViewReason(str(args.get("reason")))
        except ValueError:
            raise CommandRefused("bad_reason", ", ".join(ViewReason)) from None

        def seen() -> None:
            now = self._clock.now()
            self._recorder.append(CustodyViewed(at=now.at, clock=now.trust, subject=subject, reason=reason).after(actor.command()))

        return seen
