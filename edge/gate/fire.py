"""The site's fire input: reported, obeyed, never fought; and the wire that it hangs on.

Bad news counts at once, good news after a time of quiet: wires of a burning house chatter, and no lock is secured in between.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from drivers.readings import Contact
from edge.access.events import Command, Event, GatewayDegraded, SiteFire
from edge.clock import Clock, Moment
from edge.gate.alarms import Alarms
from edge.gate.recorder import Recorder


class FireLine:
    """Begins and ends the alarms of the fire input. A drill is an alarm of its own: nothing played begins or ends the wire's."""

    def __init__(self, alarms: Alarms, recorder: Recorder, clock: Clock, *, quiet_s: float = 0.0) -> None:
        """A fire, or a fault of the wire, is over when the wire has said CLOSED for `quiet_s` seconds and nothing else."""
        self._alarms, self._recorder, self._clock = alarms, recorder, clock
        self._quiet_s = quiet_s
        self._calm: tuple[Moment, bool] | None = None  # since when it says CLOSED, and whether that is simulated

    def said(self, state: Contact, *, simulated: bool = False, command: Command | None = None) -> bool | None:
        """Whether a fire counts now. A wire that is cut or shorted is a fault for a person; it neither begins nor ends a fire: None."""
        if state is Contact.CLOSED:
            self._calm = self._calm or (self._clock.now(), simulated)
            self.drill(active=False, command=command)
            self.over(command)
            return "fire" in self._alarms
        self._calm = None
        if state is not Contact.OPEN:
            self._alarm("fire_line", GatewayDegraded, begins=True, simulated=simulated, command=command, what="fire_line")
            return None
        self.drill(active=False, command=command)
        self.burns(active=True, simulated=simulated, command=command)
        return True

    def silent(self) -> None:
        """The line to the input is lost: what the wire says now is unknown, and no quiet."""
        self._calm = None

    def over(self, command: Command | None = None) -> bool:
        """Let time pass; whether a fire has just ended by it."""
        if self._calm is None or self._clock.now().mono - self._calm[0].mono < self._quiet_s:
            return False
        burnt, simulated = "fire" in self._alarms, self._calm[1]
        self._alarm("fire_line", GatewayDegraded, begins=False, simulated=simulated, command=command, what="fire_line")
        self.burns(active=False, simulated=simulated, command=command)
        return burnt

    @property
    def ends_at(self) -> datetime | None:
        """When the fire is over if the line stays quiet; None while there is none, or the line is not quiet."""
        return None if self._calm is None or "fire" not in self._alarms else self._calm[0].at + timedelta(seconds=self._quiet_s)

    def recall(self) -> bool:
        """Alarms of before the start can be read only now; those that are over end. Whether it burns, as far as it is known."""
        for key in self._alarms.recall():
            if key == "fire_line":
                self._alarm(key, GatewayDegraded, begins=False, simulated=False, command=None, what=key)
            else:
                self._alarm(key, SiteFire, begins=False, simulated=key == "fire.drill", command=None)
        return "fire" in self._alarms

    def burns(self, *, active: bool, simulated: bool = False, command: Command | None = None) -> None:
        """There is fire by the wire's word, or there is none."""
        self._alarm("fire", SiteFire, begins=active, simulated=simulated, command=command)

    def drill(self, *, active: bool, command: Command | None = None) -> None:
        """A fire is played, or no longer. The wire's next word ends it too: then the wire decides."""
        self._alarm("fire.drill", SiteFire, begins=active, simulated=True, command=command)

    def _alarm(
        self, key: str, kind: type[SiteFire | GatewayDegraded], *, begins: bool, simulated: bool, command: Command | None, **more: str
    ) -> None:
        now = self._clock.now()
        alarm_id = self._alarms.begin(key, f"{kind.CLASS}.{kind.NAME}", now.at) if begins else self._alarms.end(key)
        if alarm_id is None:
            return
        phase: Literal["begin", "end"] = "begin" if begins else "end"
        event: Event = kind(
            at=now.at,
            clock=now.trust,
            simulated=simulated or None,
            alarm_id=alarm_id,
            phase=phase,
            **more,  # type: ignore[arg-type]  # `what`, of one kind
        )
        self._recorder.append(event.after(command))
