"""The site's fire input: reported, obeyed, never fought; and the wire that it hangs on."""

from __future__ import annotations

from typing import Literal

from drivers.readings import Contact
from edge.access.events import Command, Event, GatewayDegraded, SiteFire
from edge.clock import Clock
from edge.gate.alarms import Alarms
from edge.gate.recorder import Recorder


class FireLine:
    """Begins and ends the alarms of the fire input. A drill is an alarm of its own: nothing played begins or ends the wire's."""

    def __init__(self, alarms: Alarms, recorder: Recorder, clock: Clock) -> None:
        self._alarms, self._recorder, self._clock = alarms, recorder, clock

    def said(self, state: Contact, *, simulated: bool = False, command: Command | None = None) -> bool | None:
        """Whether it burns (OPEN). A wire that is cut or shorted is a fault for a person; it neither begins nor ends a fire: None."""
        known = state in {Contact.OPEN, Contact.CLOSED}
        self._alarm("fire_line", GatewayDegraded, begins=not known, simulated=simulated, command=command, what="fire_line")
        if not known:
            return None
        self.drill(active=False, command=command)
        self.burns(active=state is Contact.OPEN, simulated=simulated, command=command)
        return state is Contact.OPEN

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
