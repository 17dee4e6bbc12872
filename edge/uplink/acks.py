"""Acknowledgements on their way from the network thread to the delivery: bounded, checked, the newest of each consumer only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from pydantic import ValidationError

from edge.uplink.broker import Message
from edge.uplink.messages import Ack

ACK_BYTES = 4_096
"""An acknowledgement is 100 bytes; what is larger is none."""


class AckBox:
    """Holds at most one acknowledgement per consumer, because each says everything its predecessors said.

    `wake` is called from the network thread when there is something to take.
    """

    def __init__(self, topics: Mapping[str, str], wake: Callable[[], None]) -> None:
        self._consumer_of = {topic: consumer for consumer, topic in topics.items()}
        self._wake = wake
        self._lock = Lock()
        self._good: dict[str, Ack] = {}
        self._bad: dict[str, str] = {}
        self.malformed = 0
        """How many were ignored since the start."""

    def put(self, message: Message) -> None:
        """Take a message in; anything that is not a fresh, well-formed acknowledgement is counted and dropped."""
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
                self._bad[consumer] = why
            else:
                self._good[consumer] = ack
        self._wake()

    def take(self) -> tuple[Mapping[str, Ack], Mapping[str, str]]:
        """What came since the last time: acknowledgements by consumer, and why others were ignored."""
        with self._lock:
            good, bad = self._good, self._bad
            self._good, self._bad = {}, {}
        return good, bad
