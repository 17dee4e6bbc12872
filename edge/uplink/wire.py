"""Events as bytes, straight from the stored bytes: the hot path. A test holds it to the models of edge/uplink/messages.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from edge.journal import Record

CONTENT_EVENT = "application/cloudevents+json"
CONTENT_BATCH = "application/cloudevents-batch+json"

# Greengrass and several brokers stop at 128 KB a message; a batch of 100 ordinary events is 50 KB.
BATCH_BYTES = 120_000


_JSON = '"datacontenttype":"application/json",'


class Encoder:
    """Writes the events of one gateway. `disclose_person` False leaves `person_ref` out. A simulated event is nobody's: it has none."""

    def __init__(self, site: str, gateway: str, *, disclose_person: bool) -> None:
        self._gateway = gateway
        self._source = f"/anyu/{site}/{gateway}"
        self._disclose_person = disclose_person

    def event(self, record: Record) -> bytes:
        """One CloudEvent. Only the data was ever free text, and it comes as JSON; every other part is of our own alphabet."""
        data = record.data
        if b'"person_ref"' in data and (not self._disclose_person or b'"simulated":true' in data):
            data = _without_person(data)
        seq = record.seq
        kind = _JSON
        if record.name == "loss" and b'"cause":"too_large"' in data:
            # what tells of events too large for the broker is itself as small as can be: what goes without saying is left out
            data, kind = data.replace(b'"time_source":"gateway",', b""), ""
        head = (
            f'{{"specversion":"1.0","id":"{self._gateway}-{record.epoch}-{seq}","source":"{self._source}",'
            f'"type":"anyu.{record.cls}.{record.name}.v1","time":"{record.at}","sequence":"{seq}",'
            f'{kind}"data":'
        )
        return b"%b%b}" % (head.encode(), data)

    def batches(
        self, records: Iterable[Record], size: int, limit: int = BATCH_BYTES, leave_out: Callable[[Record, int], bool] | None = None
    ) -> list[tuple[int, int, bytes]]:
        """Arrays of at most `size` events and `limit` bytes (one event may exceed it), each as (events, last sequence number, bytes).

        `leave_out` is asked of each record and the bytes that its event has.
        """
        out: list[tuple[int, int, bytes]] = []
        parts: list[bytes] = []
        length = last = 0
        for record in records:
            event = self.event(record)
            if leave_out is not None and leave_out(record, len(event)):
                continue
            if parts and (len(parts) >= size or length + len(event) + 2 > limit):
                out.append((len(parts), last, b"[%b]" % b",".join(parts)))
                parts, length = [], 0
            parts.append(event)
            length += len(event) + 1
            last = record.seq
        if parts:
            out.append((len(parts), last, b"[%b]" % b",".join(parts)))
        return out


def _without_person(data: bytes) -> bytes:
    body = json.loads(data)
    body.pop("person_ref", None)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
