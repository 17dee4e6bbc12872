"""A device's events, pulled: subscribe, pull, renew at 80 % of what was granted, leave.

A subscription dies with the device's restart, and many devices refuse to renew one or hang up where nothing has happened. Nothing of a
subscription is kept; the next one is made anew.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.errors import Garbled, LineLost, NoAnswer, Refused
from drivers.onvif.device import Device
from drivers.onvif.faults import making_sense
from drivers.onvif.meaning import Notification
from drivers.timing import Timing

log = logging.getLogger(__name__)

LIFE_S = 60.0  # a subscription that we did not leave occupies one of the device's five to twenty slots for so long
SHORTEST_S = 10.0  # a grant below this is a device that cannot count: renewed as if it were so much
RENEW_AT = 0.8
# A refusal this much before or after the end that was granted first is that end, whatever came of a renewal: some devices say yes to every
# renewal and end the subscription all the same, and some look only every ten seconds for what has ended.
ENDS_BEFORE_S, ENDS_AFTER_S = 2.0, 15.0
# A question a second is the sign of life: with a time-out of 3 s a dead device is told within 5 s.
PULL_S = 1.0
AT_ONCE = 64  # events a pull
PAUSE_S = 0.05  # between two pulls: a device that says something all the time costs no more than 20 questions a second
LEAVE_S = 1.0  # of the 5 s that a stop may take


class NotRenewed(Refused):
    """The device does not renew its subscriptions, or says that it did and does not: make another."""


class PullPoint:
    """One subscription. Made by `subscribe`. `heard`: whether it has ever answered."""

    def __init__(self, device: Device, address: str, parameters: list[object], granted_s: float, timing: Timing) -> None:
        self._soap = device.soap
        self._name = device.name
        self._skew_s = device.skew.seconds
        self._timeout_s = device.endpoint.timeout_s
        self._address = address
        self._parameters = parameters
        self._timing = timing
        self._ends_at = timing.now() + granted_s
        self._renew_at = timing.now() + RENEW_AT * max(granted_s, SHORTEST_S)
        self._absolute = granted_s < LIFE_S / 2
        self.heard = False

    async def pull(self) -> list[Notification]:
        """Wait up to a second for events, oldest first. Raises NotRenewed, LineLost, NoAnswer, Refused, Garbled."""
        if self._timing.now() >= self._renew_at:
            await self._renew()
        await self._timing.sleep(PAUSE_S)
        began = self._timing.now()
        try:
            told = await self._soap.call(
                "pullpoint",
                "PullMessages",
                {"Timeout": timedelta(seconds=PULL_S), "MessageLimit": AT_ONCE},
                at=self._address,
                within_s=PULL_S + self._timeout_s,
                headers=copy.deepcopy(self._parameters),
            )
        except Refused as error:
            if self.heard and -ENDS_BEFORE_S <= self._timing.now() - self._ends_at <= ENDS_AFTER_S:
                raise NotRenewed(str(error)) from error
            raise
        self.heard = True
        heard = []
        for message in list(told.NotificationMessage or ())[: 2 * AT_ONCE]:
            with contextlib.suppress(Garbled), making_sense("an event"):
                heard.append(Notification.of(message))
        early = began + PULL_S / 2 - self._timing.now()
        if not heard and early > 0:
            await self._timing.sleep(early)  # a device that does not wait is asked twice a second
        return [notification for notification in heard if notification is not None]

    async def synchronise(self) -> None:
        """Ask for the present state of everything. Many devices tell it by themselves, and know no such call."""
        with contextlib.suppress(Refused, Garbled):
            await self._soap.call("pullpoint", "SetSynchronizationPoint", at=self._address, headers=copy.deepcopy(self._parameters))

    async def leave(self) -> None:
        """Give the slot back, if the device is still there; bounded. Never raises."""
        try:
            await self._soap.call(
                "subscription", "Unsubscribe", at=self._address, within_s=LEAVE_S, headers=copy.deepcopy(self._parameters)
            )
        except (LineLost, NoAnswer, Refused, Garbled) as error:
            log.debug("%s: did not take leave: %s", self._name, error)

    async def _renew(self) -> None:
        for absolute in (self._absolute, not self._absolute):  # some devices take times of one kind only
            try:
                told = await self._soap.call(
                    "subscription",
                    "Renew",
                    {"TerminationTime": _until(self._skew_s, absolute=absolute)},
                    at=self._address,
                    headers=copy.deepcopy(self._parameters),
                )
                break
            except Refused as error:
                if absolute is not self._absolute:
                    raise NotRenewed(str(error)) from error
        self._renew_at = self._timing.now() + RENEW_AT * max(_granted(told), SHORTEST_S)


async def subscribe(device: Device, timing: Timing) -> PullPoint:
    """Subscribe to everything, and ask for the present state of it. Raises LineLost, NoAnswer, Refused, Garbled."""
    if not device.soap.knows("events"):
        raise Refused("the device has no event service")
    told = await _create(device)
    with making_sense("subscriptions"):
        reference = told.SubscriptionReference
        address = device.soap.home(reference.Address._value_1)  # noqa: SLF001  # zeep's name for an element's text
        parameters = list(getattr(reference.ReferenceParameters, "_value_1", None) or ())
    made = PullPoint(device, address, [piece for piece in parameters if hasattr(piece, "tag")], _granted(told), timing)
    await made.synchronise()
    return made


async def _create(device: Device) -> Any:  # noqa: ANN401  # zeep's type
    """A subscription for a minute from now, or until a minute from now for devices that take times only."""
    for absolute in (False, True):
        until = _until(device.skew.seconds, absolute=absolute)
        try:
            return await device.soap.call("events", "CreatePullPointSubscription", {"InitialTerminationTime": until})
        except Refused:
            if absolute:
                raise
    raise AssertionError


def _until(skew_s: float, *, absolute: bool) -> str:
    """A minute, or the device's own time in a minute for one that takes durations for something else."""
    if not absolute:
        return f"PT{LIFE_S:.0f}S"
    ends = datetime.now(UTC) + timedelta(seconds=skew_s + LIFE_S)
    return ends.isoformat(timespec="seconds").replace("+00:00", "Z")


def _granted(told: Any) -> float:  # noqa: ANN401  # zeep's type
    """Seconds until the subscription ends, by the device's own clock; LIFE_S where it does not say."""
    current, ends = getattr(told, "CurrentTime", None), getattr(told, "TerminationTime", None)
    if not isinstance(current, datetime) or not isinstance(ends, datetime) or (current.tzinfo is None) is not (ends.tzinfo is None):
        return LIFE_S
    return min((ends - current).total_seconds(), 10 * LIFE_S)
