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
from edge.uplink.older import Asked, Older
from edge.uplink.patience import Patience, renewed
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

NEW_EPOCH_APART_S = {True: 600.0, False: 3_600.0}
"""Least time between two new epochs, for signed and for unsigned acknowledgements (CONTRACT section 4); it doubles each time."""

_NEW_EPOCH = "uplink.new_epoch"


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
    older: Older
    going_back: Patience
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

    def __init__(self, parts: Parts, client: Client) -> None:
        self._p = parts
        self._client = client
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
        p.older.connected()
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
        await self._answer_older()
        # A few at a time: acknowledgements and health are not to wait behind a long backlog.
        for _ in range(4):
            send = p.delivery.next(now)
            if send is None or self._client.closed.done():
                return
            await self._carry_out(send)
            now = self._now()
        p.wake.set()

    async def _rest(self) -> None:
        p, now = self._p, self._now()
        times = [at - now for at in (p.delivery.wake_at(now), p.older.wake_at()) if at is not None]
        wait = max(0.0, min(LOOK_S, *times)) if times else LOOK_S
        try:
            async with asyncio.timeout(wait):
                await self._p.wake.wait()
        except TimeoutError:
            return

    # --- in --------------------------------------------------------------------------------------------------------------------------

    def _take_acks(self, now: float) -> None:
        p = self._p
        came = p.acks.take()
        for consumer, why in came.bad.items():
            p.complaints.begin(f"uplink.bad_ack.{consumer}", "an acknowledgement of %s is ignored: %s", consumer, why)
        for consumer, why in came.unproven.items():
            p.complaints.begin(
                f"uplink.unproven.{consumer}",
                "an acknowledgement of %s is ignored: %s; events go on to be sent, and none is deleted until a signed one comes",
                consumer,
                why,
            )
            p.delivery.unproven(consumer)
        for consumer, ack in came.good:
            if consumer not in came.bad:
                p.complaints.end(f"uplink.bad_ack.{consumer}", "the acknowledgements of %s are well-formed again", consumer)
            if consumer not in came.unproven:
                p.complaints.end(f"uplink.unproven.{consumer}", "the acknowledgements of %s are proven again", consumer)
            if p.acks.signed(consumer):
                p.journal.remember(f"uplink.ack_at.{consumer}", p.acks.memory(consumer), in_time=True)
            self._take(consumer, ack, now)

    def _take(self, consumer: str, ack: Ack, now: float) -> None:
        p = self._p
        if ack.epoch != p.journal.epoch:
            p.older.ask(consumer, ack.epoch, ack.seq)
            return
        known_as = p.journal.recall(f"uplink.centre_id.{consumer}")
        restored = None not in (ack.centre_id, known_as) and ack.centre_id != known_as
        if (restored or ack.seq < p.journal.acked().get(consumer, 0)) and not p.going_back.allows(consumer, now):
            p.complaints.begin(f"uplink.back.{consumer}", "%s goes back again and again; replayed less and less often", consumer)
            return
        signed = p.acks.signed(consumer)
        verdict = p.journal.acknowledge(consumer, ack.epoch, ack.seq, proven=signed, restored=restored)
        if verdict is Verdict.AHEAD:
            self._rolled_back(consumer, ack, signed=signed)
            return
        if verdict is Verdict.OTHER_EPOCH:
            return  # a new epoch has begun just now
        if ack.centre_id is not None:
            p.journal.remember(f"uplink.centre_id.{consumer}", ack.centre_id, in_time=True)
        if verdict is Verdict.WENT_BACK:
            _LOG.warning("%s was restored and knows events up to seq %d only; sending the rest again", consumer, ack.seq)
        if verdict is Verdict.ADVANCED:
            p.complaints.end(f"uplink.ahead.{consumer}", "%s acknowledges what was sent again", consumer)
            p.complaints.end(f"uplink.back.{consumer}", "%s advances again", consumer)
        if verdict is not Verdict.REPEATED:
            p.complaints.end(f"uplink.silent.{consumer}", "%s acknowledges again", consumer)
        p.delivery.acknowledged(consumer, ack.seq, verdict, ack.credit, now)

    def _rolled_back(self, consumer: str, ack: Ack, *, signed: bool) -> None:
        """The centre has more of our epoch than we do: this database is older than what was told from it, or somebody says so."""
        p = self._p
        p.complaints.begin(
            f"uplink.ahead.{consumer}",
            "%s has events up to seq %d of this epoch and we have seq %d: this database was rolled back; beginning a new epoch",
            consumer,
            ack.seq,
            p.journal.head(),
        )
        memory = renewed(p.journal.recall(_NEW_EPOCH), p.clock.now().at, NEW_EPOCH_APART_S[signed])
        if memory is not None:
            p.journal.remember(_NEW_EPOCH, memory)
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

    async def _answer_older(self) -> None:
        """One batch of an older epoch that somebody asked for, if it is time."""
        p = self._p
        asked = p.older.next(self._now())
        if asked is None or self._client.closed.done():
            return
        if not asked.begun:
            span = await p.disk.run(p.journal.older, asked.epoch)
            if span is None or asked.after >= span[1] or not p.older.allows(asked, self._now()):
                p.older.over(asked)
                return
            if asked.after < span[0]:
                p.journal.report_pruned(asked.epoch, asked.after + 1, span[0])
            asked.begun = True
        batch = await p.disk.run(self._load_older, asked)
        now = self._now()
        if batch is None or self._client.closed.done():
            p.older.over(asked)
            return
        last, events, payload = batch
        done = self._client.publish(p.topics.backlog, payload, content_type=CONTENT_BATCH)
        done.add_done_callback(self._settle_older)
        p.older.sent(asked, last, events, p.delivery.rate(now), now)

    def _load_older(self, asked: Asked) -> tuple[int, int, bytes] | None:
        """On the disk's thread: (last number, events, message); None when nothing more is held or it cannot be read."""
        p = self._p
        records = p.journal.page(asked.after, p.batch, epoch=asked.epoch)
        if not records:
            return None
        events, last, payload = p.encoder.batches(records, p.batch, self._most_bytes)[0]
        return last, events, payload

    def _settle_older(self, _answer: object) -> None:
        self._p.older.settled()
        self._p.wake.set()

    def _load(self, send: Send) -> tuple[int, int, list[tuple[str, bytes]]]:
        """On the disk's thread: (last number covered, events, messages); nothing covered when the journal cannot be read."""
        p = self._p
        records = p.journal.page(send.after, send.upto - send.after, send.upto)
        if not records:
            # A hole that a `gateway.loss` names, or pruned: something newer is there. Where nothing is, the disk cannot be read.
            newer = p.journal.page(send.after, 1)
            return (newer[0].seq - 1 if newer else send.after), 0, []
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
