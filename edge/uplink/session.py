"""One connection's work: acknowledgements in, events and health out, until it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from edge.clock import Clock
from edge.journal import Ack as Verdict
from edge.journal import Journal
from edge.uplink.acks import AckBox
from edge.uplink.broker import FAILURE, LOST
from edge.uplink.client import Client
from edge.uplink.complaints import Complaints
from edge.uplink.delivery import Delivery, Lane, Send
from edge.uplink.messages import Ack
from edge.uplink.status import Facts, Status
from edge.uplink.topics import Topics
from edge.uplink.wire import BATCH_BYTES, CONTENT_BATCH, CONTENT_EVENT, Encoder

_LOG = logging.getLogger("edge.uplink")

_P = ParamSpec("_P")
_R = TypeVar("_R")

LOOK_S = 1.0
"""How often the journal's health and ours are looked at when nothing happens."""

LAST_ROUNDS, LAST_ROUND_S = 10, 0.02
"""At a stop: two tenths of a second for what is still on its way to the disk."""

NEW_EPOCH_APART_S = 600.0
"""At most one new epoch in ten minutes: a centre whose numbers are nonsense must not make us renumber for ever."""


class Disk:
    """The one thread that may wait for the disk, so that the loop never does."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "uplink-disk")

    async def run(self, call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run a call there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Take no more calls, and wait for none."""
        self._thread.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives a connection."""

    topics: Topics
    journal: Journal
    disk: Disk
    delivery: Delivery
    encoder: Encoder
    status: Status
    complaints: Complaints
    acks: AckBox
    clock: Clock
    wake: asyncio.Event
    batch: int
    puback_s: float


class Session:
    """Serves one connected client. `run` returns, with the reason in words, when the connection is over or given up."""

    def __init__(self, parts: Parts, client: Client, new_epoch_at: Callable[[float | None], float]) -> None:
        self._p = parts
        self._client = client
        self._new_epoch_at = new_epoch_at
        self._facts: Facts
        self._looked_at = float("-inf")
        self._flying = 0
        self._answered_at = 0.0
        # topic, packet id and properties take less than 200 bytes beside the payload
        self._most_bytes = min(BATCH_BYTES, max(1, (client.packet_limit or BATCH_BYTES) - 200))
        client.closed.add_done_callback(lambda _: parts.wake.set())

    async def run(self) -> str:
        """Send until the connection ends."""
        p = self._p
        p.status.renew()
        self._look(self._now())
        # Three places of the window are for state, health and info.
        p.delivery.connected(self._now(), self._facts.journal.head, self._facts.acked, max(2, self._client.window - 3))
        while not self._client.closed.done():
            p.wake.clear()
            await self._round()
            if self._flying and self._now() - self._answered_at > p.puback_s:
                p.complaints.begin("uplink.no_puback", "the broker takes messages and acknowledges none; connecting anew")
                return "no PUBACK"
            await self._rest()
        return self._client.closed.result()

    async def last_words(self) -> None:
        """Send what is committed by now or within the next moments; a commit that is on its way takes some milliseconds."""
        for _ in range(LAST_ROUNDS):
            if self._client.closed.done():
                return
            await self._round()
            await asyncio.sleep(LAST_ROUND_S)

    async def _round(self) -> None:
        p = self._p
        now = self._now()
        self._take_acks(now)
        if now - self._looked_at >= LOOK_S or p.journal.epoch != self._facts.journal.epoch:
            self._look(now)
        p.delivery.committed(p.journal.head())
        for consumer in p.delivery.tick(now):
            self._blame(consumer)
        self._publish_status(now)
        # A few at a time: acknowledgements and health are not to wait behind a long backlog.
        for _ in range(4):
            send = p.delivery.next(now)
            if send is None or self._client.closed.done():
                return
            await self._carry_out(send)
            now = self._now()
        p.wake.set()

    async def _rest(self) -> None:
        at = self._p.delivery.wake_at(self._now())
        wait = LOOK_S if at is None else min(LOOK_S, max(0.0, at - self._now()))
        try:
            async with asyncio.timeout(wait):
                await self._p.wake.wait()
        except TimeoutError:
            return

    # --- in --------------------------------------------------------------------------------------------------------------------------

    def _take_acks(self, now: float) -> None:
        p = self._p
        good, bad = p.acks.take()
        for consumer, why in bad.items():
            p.complaints.begin(f"uplink.bad_ack.{consumer}", "an acknowledgement of %s is ignored: %s", consumer, why)
        for consumer, ack in good.items():
            if consumer not in bad:
                p.complaints.end(f"uplink.bad_ack.{consumer}", "the acknowledgements of %s are well-formed again", consumer)
            self._take(consumer, ack, now)

    def _take(self, consumer: str, ack: Ack, now: float) -> None:
        p = self._p
        verdict = p.journal.acknowledge(consumer, ack.epoch, ack.seq)
        if verdict is Verdict.AHEAD:
            self._rolled_back(consumer, ack, now)
            return
        if verdict is Verdict.OTHER_EPOCH:
            _LOG.debug("an acknowledgement of %s belongs to another epoch", consumer)
            return
        if verdict is Verdict.WENT_BACK:
            _LOG.warning("%s was restored and knows events up to seq %d only; sending the rest again", consumer, ack.seq)
        if verdict is Verdict.ADVANCED:
            p.complaints.end(f"uplink.ahead.{consumer}", "%s acknowledges what was sent again", consumer)
        if verdict is not Verdict.REPEATED:
            p.complaints.end(f"uplink.silent.{consumer}", "%s acknowledges again", consumer)
        p.delivery.acknowledged(consumer, ack.seq, verdict, ack.credit, now)

    def _rolled_back(self, consumer: str, ack: Ack, now: float) -> None:
        """The centre has more of our epoch than we do: this database is older than what was told from it."""
        p = self._p
        p.complaints.begin(
            f"uplink.ahead.{consumer}",
            "%s has events up to seq %d of this epoch and we have seq %d: this database was rolled back; beginning a new epoch",
            consumer,
            ack.seq,
            p.journal.head(),
        )
        if now - self._new_epoch_at(None) >= NEW_EPOCH_APART_S:
            self._new_epoch_at(now)
            p.journal.new_epoch("rolled_back")

    def _blame(self, consumer: str) -> None:
        spoken = self._p.delivery.silent[consumer]
        words = "%s has stopped acknowledging; sending again, less and less often" if spoken else "%s has never acknowledged anything"
        self._p.complaints.begin(f"uplink.silent.{consumer}", words, consumer)

    def _look(self, now: float) -> None:
        """Ask the journal how it is. A new epoch begins delivery anew."""
        p = self._p
        facts = Facts.of(p.journal)
        changed = self._looked_at > float("-inf") and facts.journal.epoch != self._facts.journal.epoch
        self._facts, self._looked_at = facts, now
        p.delivery.hold(not facts.writes, now)
        if changed:
            p.delivery.resync(now, facts.journal.head, facts.acked)
            p.status.touch()

    # --- out -------------------------------------------------------------------------------------------------------------------------

    def _publish_status(self, now: float) -> None:
        p = self._p
        health = p.status.due(now, self._facts)
        if health is None:
            return
        self._client.publish(p.topics.health, health, retain=True)
        info = p.status.info()
        if info is not None:
            self._client.publish(p.topics.info, info, retain=True)

    async def _carry_out(self, send: Send) -> None:
        p = self._p
        last, events, messages = await p.disk.run(self._load, send)
        if last == send.after:
            p.complaints.begin("uplink.unreadable", "the journal cannot be read; events wait")
            p.delivery.hold(True, self._now())  # until the next look
            return
        p.complaints.end("uplink.unreadable", "the journal can be read again")
        if self._client.closed.done():
            return
        if not self._flying:
            self._answered_at = self._now()
        content = CONTENT_EVENT if send.lane is Lane.LIVE else CONTENT_BATCH
        for topic, payload in messages:
            self._flying += 1
            self._client.publish(topic, payload, content_type=content).add_done_callback(partial(self._settle, send.lane))
        p.delivery.sent(send, last, events, len(messages), self._now())

    def _load(self, send: Send) -> tuple[int, int, list[tuple[str, bytes]]]:
        """On the disk's thread: (last number covered, events, messages); nothing covered when the journal cannot be read."""
        p = self._p
        records = p.journal.page(send.after, send.upto - send.after, send.upto)
        if not records:
            # A hole that a `gateway.loss` names, or pruned: something newer is there. Where nothing is, the disk cannot be read.
            return (send.upto if p.journal.page(send.after, 1) else send.after), 0, []
        if send.lane is Lane.LIVE:
            messages = [(p.topics.event(record.cls), p.encoder.event(record)) for record in records]
        else:
            topic = p.topics.backlog
            messages = [(topic, payload) for _, _, payload in p.encoder.batches(records, p.batch, self._most_bytes)]
        return records[-1].seq, len(records), messages

    def _settle(self, lane: Lane, answer: asyncio.Future[int]) -> None:
        p = self._p
        code = answer.result()
        if code == LOST:
            return
        now = self._now()
        self._flying -= 1
        self._answered_at = now
        p.complaints.end("uplink.no_puback", "the broker acknowledges messages again")
        p.delivery.settled(lane, code < FAILURE, now)
        if code >= FAILURE:
            p.complaints.begin(f"uplink.refused.{lane}", "the broker refuses our events on the %s lane (reason code %d)", lane, code)
        else:
            p.complaints.end(f"uplink.refused.{lane}", "the broker takes our events on the %s lane again", lane)
        p.wake.set()

    def _now(self) -> float:
        return self._p.clock.now().mono
