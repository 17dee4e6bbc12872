"""Acknowledgements on their way from the network thread to the delivery: bounded, checked, the newest of each consumer and epoch only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from edge.uplink.broker import Message
from edge.uplink.messages import Ack
from edge.uplink.signature import NotCanonical, Speaker, parse, short_name, signer

ACK_BYTES = 4_096
"""An acknowledgement is 300 bytes; what is larger is none."""

EPOCHS = 16
"""Acknowledgements of one consumer that wait, one an epoch: the current one and a few older ones that it asks for."""

_INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Proof:
    """The keys of one consumer, and the `at` of the last acknowledgement that one of them proved."""

    def __init__(self, speaker: Speaker, keys: Sequence[Ed25519PublicKey], remembered: Callable[[], str | None]) -> None:
        """`remembered` gives the `memory` of an earlier run, once the disk can be read.

        It ends with its key, so that a new key cures a centre whose clock once ran ahead.
        """
        self._speaker = speaker
        self._keys = {short_name(key): key for key in keys}
        self._remembered = remembered
        self._at = self._name = ""

    def why_not(self, payload: bytes, ack: Ack) -> str:
        """Why this acknowledgement is not believed; empty when it is, and its `at` is then taken."""
        if ack.sig is None:
            return "it has no signature"
        if ack.at is None or not _INSTANT.match(ack.at):
            return "its `at` is not a time like 2026-11-26T08:00:00.000Z"
        at, _, name = (self._remembered() or "").partition(" ")
        if ack.at <= max(self._at, at if name in self._keys else ""):
            return "its `at` is not after that of the one before"
        try:
            key = signer(tuple(self._keys.values()), self._speaker, parse(payload))
        except NotCanonical as fault:
            return f"it cannot be signed: {fault}"
        if key is None:
            return "no key of this consumer made its signature"
        self._at, self._name = ack.at, short_name(key)
        return ""

    @property
    def memory(self) -> str:
        """What must outlive this process, so that nothing captured is believed again."""
        return f"{self._at} {self._name}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came since the last time. `bad` and `unproven`: consumer -> why its last one of that kind was ignored."""

    good: Sequence[tuple[str, Ack]]
    bad: Mapping[str, str]
    unproven: Mapping[str, str]


@dataclass(slots=True)
class _Waiting:
    good: dict[str, dict[str, Ack]] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    unproven: dict[str, str] = field(default_factory=dict)


class AckBox:
    """Holds at most one acknowledgement per consumer and epoch, because each says everything its predecessors said.

    `wake` is called from the network thread when there is something to take. A consumer with a `Proof` is believed by signature only:
    so nothing forged takes the place of what is true.
    """

    def __init__(self, topics: Mapping[str, str], wake: Callable[[], None], proofs: Mapping[str, Proof] | None = None) -> None:
        self._consumer_of = {topic: consumer for consumer, topic in topics.items()}
        self._wake = wake
        self._proofs = proofs or {}
        self._lock = Lock()
        self._waiting = _Waiting()
        self.malformed = 0
        """How many were ignored since the start."""
        self.unproven = 0
        """How many well-formed ones were not believed since the start."""

    def signed(self, consumer: str) -> bool:
        """Whether this consumer is believed by signature only."""
        return consumer in self._proofs

    def memory(self, consumer: str) -> str:
        """What to remember of a signed consumer; see `Proof.memory`."""
        with self._lock:
            return self._proofs[consumer].memory

    def put(self, message: Message) -> None:
        """Take a message in; anything that is not a fresh, well-formed and, where there are keys, proven acknowledgement is counted."""
        consumer = self._consumer_of.get(message.topic)
        if consumer is None:
            return
        why = ""
        ack = None
        if message.retain:
            why = "retained; an old word would come back at every reconnect"
        elif len(message.payload) > ACK_BYTES:
            why = f"{len(message.payload)} bytes long"
        else:
            try:
                ack = Ack.model_validate_json(message.payload)
            except ValidationError as fault:
                why = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'message'}: {e['type']}" for e in fault.errors()[:3])
        with self._lock:
            if ack is None:
                self.malformed += 1
                self._waiting.bad[consumer] = why
            elif (proof := self._proofs.get(consumer)) and (why := proof.why_not(message.payload, ack)):
                self.unproven += 1
                self._waiting.unproven[consumer] = why
            else:
                by_epoch = self._waiting.good.setdefault(consumer, {})
                by_epoch.pop(ack.epoch, None)
                by_epoch[ack.epoch] = ack
                if len(by_epoch) > EPOCHS:
                    del by_epoch[next(iter(by_epoch))]
        self._wake()

    def take(self) -> Taken:
        """What came since the last time, in the order of arrival for each consumer."""
        with self._lock:
            came, self._waiting = self._waiting, _Waiting()
        good = [(consumer, ack) for consumer, by_epoch in came.good.items() for ack in by_epoch.values()]
        return Taken(good, came.bad, came.unproven)
