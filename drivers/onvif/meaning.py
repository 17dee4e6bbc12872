"""What a device's events mean to us. Pure.

    topic                                        source, data                      reading
    Device/Trigger/DigitalInput                  InputToken, LogicalState          InputChanged
    Device/Trigger/AlarmIn (Hikvision)           AlarmInToken, State               InputChanged
    Device/Trigger/Relay                         RelayToken, LogicalState          (for the lock behind it)
    VideoSource/MotionAlarm                      State                             Motion
    RuleEngine/CellMotionDetector/Motion         IsMotion                          Motion
    VideoSource/GlobalSceneChange/*              State                             Tamper: covered or turned away
    RuleEngine/TamperDetector/Tamper             IsTamper                          Tamper
    Device/HardwareFailure/PowerSupplyFailure    Failed                            Power

Every other topic is passed over. The prefixes of topics differ from maker to maker and are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.onvif.io import DigitalInput
from drivers.readings import Contact, InputChanged, Motion, Power, Reading, Tamper

MOST_ITEMS = 32  # of one event; they have one to four
LONGEST = 64  # characters of a name or value that could mean something to us

MOTION = {"VideoSource/MotionAlarm", "RuleEngine/CellMotionDetector/Motion", "RuleEngine/MotionRegionDetector/Motion"}
TAMPER = {"RuleEngine/TamperDetector/Tamper", "VideoSource/GlobalSceneChange"}
INPUTS = {"Device/Trigger/DigitalInput", "Device/Trigger/AlarmIn"}
TOKENS = ("InputToken", "AlarmInToken", "RelayToken")
STATES = ("LogicalState", "State", "IsMotion", "IsTamper", "Failed")
RELAY = "Device/Trigger/Relay"
SUPPLY = "Device/HardwareFailure/PowerSupplyFailure"
YES = {"true", "1", "active", "on"}
NO = {"false", "0", "inactive", "off"}


@dataclass(frozen=True, slots=True)
class Notification:
    """One event: a topic without prefixes, where it is from and what it says. `first` marks the state at the beginning, no change."""

    topic: str
    source: Mapping[str, str]
    data: Mapping[str, str]
    first: bool

    @staticmethod
    def of(message: Any) -> Notification | None:  # noqa: ANN401  # zeep's type
        """What zeep made of one NotificationMessage; None for one without topic or message."""
        topic = getattr(message.Topic, "_value_1", None)
        body = getattr(message.Message, "_value_1", None)
        if topic is None or body is None:
            return None
        if hasattr(body, "iter"):  # an element that the library's schema does not know
            return Notification(_bare(topic), *_raw(body))
        operation = str(getattr(body, "PropertyOperation", None) or "")
        return Notification(
            _bare(topic), _items(getattr(body, "Source", None)), _items(getattr(body, "Data", None)), operation == "Initialized"
        )

    def says(self) -> bool | None:
        """The truth of its data: of the item that is called so, else of the first that has one; None where there is none."""
        for value in [self.data[name] for name in STATES if name in self.data] + list(self.data.values()):
            word = value.strip().lower()
            if word in YES or word in NO:
                return word in YES
        return None

    @property
    def token(self) -> str:
        """The token of its source: the item that is called so, else the first; empty where there is none."""
        return next((self.source[name] for name in TOKENS if name in self.source), next(iter(self.source.values()), ""))


class Meaning:
    """Turns events into readings. `inputs` are the device's, in the order of their numbers."""

    def __init__(self, inputs: Sequence[DigitalInput]) -> None:
        self._inputs = {told.token: (number, told.idle_closed) for number, told in enumerate(inputs, start=1)}
        self._contacts: dict[int, Contact] = {}
        self._on: dict[type[Reading], set[str]] = {Motion: set(), Tamper: set(), Power: set()}
        self._told: dict[type[Reading], bool] = {}

    def readings(self, heard: Notification) -> Iterator[Reading]:
        """What is new in an event."""
        says = heard.says()
        if says is None:
            return
        if heard.topic in INPUTS:
            # An item may be called otherwise still, and not stand first: the one that names an input of ours.
            tokens = [heard.token, *heard.source.values()]
            yield from self._input(next((token for token in tokens if token in self._inputs), ""), says)
        elif heard.topic in MOTION:
            if (moves := self._any(Motion, heard, says)) is not None:
                yield Motion(moves)
        elif heard.topic in TAMPER or heard.topic.startswith("VideoSource/GlobalSceneChange/"):
            if (touched := self._any(Tamper, heard, says)) is not None:
                yield Tamper(0, touched)
        elif heard.topic == SUPPLY and (failed := self._any(Power, heard, says)) is not None:
            yield Power(not failed)

    def unknown(self) -> Iterator[Reading]:
        """Events come no more: what is known of the inputs is not any longer, and is news when they come again."""
        for number in self._contacts:
            yield InputChanged(number, Contact.UNKNOWN)
        self._contacts.clear()

    def _input(self, token: str, says: bool) -> Iterator[Reading]:
        if token not in self._inputs:
            return
        number, idle_closed = self._inputs[token]
        state = Contact.CLOSED if says is not idle_closed else Contact.OPEN
        if self._contacts.get(number) is not state:
            self._contacts[number] = state
            yield InputChanged(number, state)

    def _any(self, kind: type[Reading], heard: Notification, says: bool) -> bool | None:
        """Whether any source of this kind says yes, if that is news. Several detectors of one camera are one to us."""
        source = f"{heard.topic} {sorted(heard.source.items())}"
        on = self._on[kind]
        if says and len(on) < MOST_ITEMS:
            on.add(source)
        elif not says:
            on.discard(source)
        now = bool(on)
        if self._told.get(kind, None if kind is Power else False) is now:
            return None
        self._told[kind] = now
        return now


def _bare(topic: object) -> str:
    """A topic without prefixes, blanks and what a filter may have put behind it."""
    text = str(getattr(topic, "text", None) or topic)[: 4 * LONGEST]
    return "/".join(part.rpartition(":")[2].strip() for part in text.strip().split("/"))


def _items(told: Any) -> dict[str, str]:  # noqa: ANN401  # zeep's type
    items = getattr(told, "SimpleItem", None) or ()
    return {str(item.Name)[:LONGEST]: str(item.Value)[:LONGEST] for item in list(items)[:MOST_ITEMS]}


def _raw(body: Any) -> tuple[dict[str, str], dict[str, str], bool]:  # noqa: ANN401  # an element of lxml
    """Source, data and whether it is the state at the beginning, of an element that was not taken apart."""
    found: dict[str, dict[str, str]] = {"Source": {}, "Data": {}}
    for part in body.iter():
        name = str(part.tag).rpartition("}")[2]
        if name in found:
            items = [item for item in part if str(item.tag).rpartition("}")[2] == "SimpleItem"]
            found[name] |= {item.get("Name", "")[:LONGEST]: item.get("Value", "")[:LONGEST] for item in items[:MOST_ITEMS]}
    return found["Source"], found["Data"], body.get("PropertyOperation") == "Initialized"
