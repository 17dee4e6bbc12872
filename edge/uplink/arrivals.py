"""Messages from gateways taken apart: events in any order, from any gateway, never trusted to be well formed. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from edge.uplink.broker import Message
from edge.uplink.messages import SEQ_MAX, Health
from edge.uplink.receive_store import Key
from edge.uplink.topics import EVT, EVTB, HEALTH, parse

BATCH_MOST = 1_000
"""Events in one message: gateways send at most 500."""

_decoder = json.JSONDecoder()
_SPACE = " \t\r\n"


class Malformed(ValueError):
    """Not one of our messages: count it, drop it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it came: its place, its text, and the text parsed."""

    key: Key
    seq: int
    text: str
    event: dict[str, Any]
    live: bool

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return str(self.event["type"])

    @property
    def loss(self) -> tuple[Key, int, int, str] | None:
        """What this event says can never come: (run, first, last, cause); None when it is no `gateway.loss`."""
        if self.event["type"] != "anyu.gateway.loss.v1":
            return None
        data = self.event["data"]
        try:
            first, last = int(data["from"]), int(data["to"])
            key = Key(self.key.site, self.key.gateway, str(data["epoch"]))
        except (KeyError, ValueError) as fault:
            raise Malformed(f"gateway.loss: {fault!r}") from fault
        if not 1 <= first <= last <= SEQ_MAX:
            raise Malformed("gateway.loss: not a range of numbers")
        return key, first, last, str(data.get("cause", ""))


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway's health says of its numbers."""

    key: Key
    head: int
    oldest: int
    degraded: tuple[str, ...] = ()


def take_apart(message: Message) -> list[Arrival] | Report:
    """Read a message from a gateway. Raises Malformed."""
    topic = parse(message.topic)
    if topic is None or topic.kind not in {EVT, EVTB, HEALTH}:
        raise Malformed("not a topic of a gateway")
    if topic.kind == HEALTH:
        try:
            health = Health.model_validate_json(message.payload)
        except ValidationError as fault:
            raise Malformed(f"health: {fault.error_count()} faults") from fault
        return Report(Key(topic.site, topic.gateway, health.epoch), health.seq_head, health.seq_oldest, health.degraded)
    try:
        text = message.payload.decode()
        if topic.kind == EVT:
            event, end = _decoder.raw_decode(text)
            if end != len(text):
                raise Malformed("something follows the event")
            return [_arrival(topic.site, topic.gateway, event, text, live=True)]
        return _batch(topic.site, topic.gateway, text)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as fault:
        raise Malformed(f"not JSON: {type(fault).__name__}") from fault


def _batch(site: str, gateway: str, text: str) -> list[Arrival]:
    """The events of an array, each with its own piece of the text: parsed once, and kept without being written anew."""
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise Malformed("a batch is an array")
    out: list[Arrival] = []
    while True:
        at = _skip(text, at + 1)
        if text[at : at + 1] == "]" and not out:
            break
        event, end = _decoder.raw_decode(text, at)
        out.append(_arrival(site, gateway, event, text[at:end], live=False))
        at = _skip(text, end)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != "," or len(out) >= BATCH_MOST:
            raise Malformed("an array goes wrong, or is too long")
    if _skip(text, at + 1) != len(text):
        raise Malformed("something follows the array")
    return out


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def _arrival(site: str, gateway: str, event: object, text: str, *, live: bool) -> Arrival:
    if not isinstance(event, dict):
        raise Malformed("an event is an object")
    try:
        name, sequence = event["id"], event["sequence"]
        fits = (
            isinstance(name, str)
            and isinstance(sequence, str)
            and isinstance(event["time"], str)
            and isinstance(event["type"], str)
            and isinstance(event["data"], dict)
            and event["specversion"] == "1.0"
            and event["source"] == f"/anyu/{site}/{gateway}"
            and sequence.isascii()
            and sequence.isdigit()
            and len(sequence) <= 19
            and name.startswith(f"{gateway}-")
            and name.endswith(f"-{sequence}")
        )
    except KeyError as fault:
        raise Malformed(f"an event without {fault}") from fault
    if not fits:
        raise Malformed("an event whose parts do not fit together")
    epoch = name[len(gateway) + 1 : -len(sequence) - 1]
    seq = int(sequence)
    if not (0 < len(epoch) <= 64) or not (1 <= seq <= SEQ_MAX):
        raise Malformed("an event without epoch or number")
    return Arrival(Key(site, gateway, epoch), seq, text, event, live)
