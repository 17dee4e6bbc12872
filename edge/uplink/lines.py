"""An event as one line for a person, Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.uplink import words
from edge.uplink.arrivals import Arrival

_SHOWN = ("person_kind", "method", "reason", "result", "phase", "evidence", "cause", "what", "input", "device", "count")
_SHOWN_OF_STRANGERS = ("camera", "what")  # not the name of a crop, nor how many frames
# Reasons that the event's own word has said already.
_SAID = ("granted", "rex", "guard")


def readable(arrival: Arrival, locale: str) -> str:
    """`gateway #seq time what, where, how`; names of doors as in site.yaml. No person_ref: the line may be shown on a wall."""
    event = arrival.event
    name = str(event["type"]).removeprefix("anyu.").removesuffix(".v1")
    data: Mapping[str, Any] = event["data"]
    where = data.get("access_point") or data.get("door") or ""
    left_out = data.get("cause") == "left_out"
    parts = [(words.LEFT_OUT if left_out else words.event(name)).of(locale), str(where)]
    shown = _SHOWN_OF_STRANGERS if name.startswith("person.") else _SHOWN
    parts += [_text(data[key], locale) for key in shown if key in data and data[key] not in _SAID and not left_out]
    if name == "gateway.loss":
        parts.append(f"{data.get('from')}-{data.get('to')}")
    if data.get("simulated"):
        parts.append("模拟" if locale == "zh" else "simulated")
    line = f"{event['time']} {arrival.key.gateway} #{arrival.seq} " + " · ".join(part for part in parts if part)
    # What came over the network is shown on somebody's terminal.
    return "".join(c if c.isprintable() else "?" for c in line)


def _text(value: object, locale: str) -> str:
    if isinstance(value, list):
        return "+".join(_text(each, locale) for each in value)
    word = words.VALUES.get(str(value))
    return word.of(locale) if word else str(value)
