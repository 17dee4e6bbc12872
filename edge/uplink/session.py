"""One connection's work: acknowledgements in, events and health out, until it ends."""

from __future__ import annotations

import asyncio
import logging
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from edge.clock import Clock
from edge.journal import Ack as Verdict
from edge.journal import Journal, Record
from edge.journal.record import draft
from edge.uplink.acks import AckBox
from edge.uplink.aside import Aside
from edge.uplink.broker import FAILURE, LOST, TOO_LARGE, Packet, packet_bytes
from edge.uplink.client import Client
from edge.uplink.complaints import Complaints
from edge.uplink.delivery import Delivery, Lane, Send
from edge.uplink.messages import Ack
from edge.uplink.older import Asked, Older
from edge.uplink.packets import Packets
from edge.uplink.patience import GoingBack, Patience, renewed
from edge.uplink.status import Facts, Status
from edge.uplink.topics import Topics
from edge.uplink.wire import CONTENT_BATCH, CONTENT_EVENT, Encoder

_LOG = logging.getLogger("edge.uplink")

_P = ParamSpec("_P")
_R = TypeVar("_R")

LOOK_S = 1.0
"""How often the journal's health and ours are looked at when nothing happens."""

LAST_ROUNDS, LAST_ROUND_S = 10, 0.02
"""At a stop: two tenths of a second for what is still on its way to the disk."""

NEW_EPOCH_APART_S = {True: 600.0, False: 3_600.0}
"""Least time between two new epochs, for signed and for unsigned acknowledgements (CONTRACT section 4); it doubles each time."""

EVENT = "event"
"""What is too large, beside `health` and `info`."""

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
    going_back: GoingBack
    saying: Patience
    encoder: Encoder
    packets: Packets
    aside: Aside
    status: Status
    complaints: Complaints
    acks: AckBox
    clock: Clock
    wake: asyncio.Event
    puback_s: float
    v5: bool
    steady: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read for one `Send`: up to which number, how many events, in which packets, and what is too large (number -> bytes)."""

    last: int
    events: int
    packets: list[Packet]
    large: dict[int, int]


def tell_of_refusal(complaints: Complaints, what: str, code: int) -> None:
    """The broker answered `state`, `health` or `info` with this reason code."""
    if code >= FAILURE:
        complaints.begin(f"uplink.refused.{what}", "the broker refuses our %s (reason code %d)", what, code)
    else:
        complaints.end(f"uplink.refused.{what}", "the broker takes our %s again", what)


class Session:
    """Serves one connected client. `run` returns, with the reason in words, when the connection is over or given up."""

    def __init__(self, parts: Parts, client: Client) -> None:
        self._p = parts
        self._client = client
        self._facts: Facts
        self._looked_at = float("-inf")
        self._flying = 0
        self._answered_at = 0.0
        self._stalls = parts.delivery.stalls
        self._trying_aside = False
        client.closed.add_done_callback(lambda _: parts.wake.set())

    async def run(self) -> str:
        """Send until the connection ends."""
        p = self._p
        p.status.renew()
        p.older.connected()
        self._look(self._now())
        # Three places of the window are for state, health and info, where it has so many; the client keeps count of all.
        p.delivery.connected(self._now(), self._facts.journal.head, self._facts.acked, max(1, self._client.window - 3))
        up_at = self._now()
        while not self._client.closed.done():
            p.wake.clear()
            p.steady(self._now() - up_at)
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
        p.packets.relax(now)
        for consumer in p.delivery.tick(now):
            self._blame(consumer)
        if p.delivery.stalls != self._stalls:
            self._stalls = p.delivery.stalls
            p.status.ask()
            for seq in p.delivery.dry():
                await self._look_at(seq)
        self._publish_status(now)
        await self._answer_older()
        await self._try_aside()
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
            p.complaints.end(f"uplink.silent.{consumer}", "%s speaks, but is not believed", consumer)
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
        older = ack.seq < p.journal.acked().get(consumer, 0)
        if older and not restored and not p.going_back.stands(consumer, now):
            p.status.ask()  # a restored centre says it once more
            return
        if (restored or older) and not p.going_back.allows(consumer, ack.centre_id, known_as, now):
            p.complaints.begin(f"uplink.back.{consumer}", "%s goes back again and again; replayed less and less often", consumer)
            return
        p.going_back.current(consumer)
        signed = p.acks.signed(consumer)
        verdict = p.journal.acknowledge(consumer, ack.epoch, ack.seq, proven=signed, restored=restored)
        if verdict is Verdict.AHEAD:
            self._rolled_back(consumer, ack, signed=signed)
            return
        if verdict is Verdict.OTHER_EPOCH:
            return  # a new epoch has begun just now
        if ack.centre_id is not None:
            p.journal.remember(f"uplink.centre_id.{consumer}", ack.centre_id, in_time=True)
        if verdict is Verdict.WENT_BACK and p.saying.allows(consumer, now):
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
        p = self._p
        if f"uplink.unproven.{consumer}" in p.complaints.words():
            return  # it does speak, and what is wrong with its word is said already
        spoken = p.delivery.silent[consumer]
        words = "%s has stopped acknowledging; sending again, less and less often" if spoken else "%s has never acknowledged anything"
        p.complaints.begin(f"uplink.silent.{consumer}", words, consumer)

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
        health = p.status.due(now, self._facts, self._room(p.topics.health))
        self._tell_of_cuts()
        if health is None:
            return
        self._say(p.topics.health, health)
        info = p.status.info(self._room(p.topics.info))
        self._tell_of_cuts()
        if info is not None:
            self._say(p.topics.info, info)

    def _room(self, topic: str) -> int:
        """Bytes of a payload without events that the broker takes."""
        # the length of a packet takes two bytes more where it is long
        return self._p.packets.most(0) - packet_bytes(topic, 0, v5=self._p.v5) - 2

    def _say(self, topic: str, payload: bytes) -> None:
        packet = Packet(topic, payload, retain=True, v5=self._p.v5)
        self._client.send(packet).add_done_callback(partial(self._said, packet))

    def _said(self, packet: Packet, answer: asyncio.Future[int]) -> None:
        p, code = self._p, answer.result()
        if code == LOST:
            return
        if code == TOO_LARGE:
            if p.packets.refused(packet, self._now()):
                p.status.renew()
            return
        tell_of_refusal(p.complaints, packet.topic.rpartition("/")[2], code)
        if code < FAILURE:
            self._took(packet)

    def _took(self, packet: Packet) -> None:
        self._p.packets.accepted(packet)
        self._client.careful = self._p.packets.careful

    def _tell_of_cuts(self) -> None:
        p = self._p
        for what in ("health", "info"):
            word = f"uplink.too_large.{what}"
            if what in p.status.cut:
                p.complaints.begin(word, "%s is larger than the broker takes; it is sent without its details, or not at all", what)
            else:
                p.complaints.end(word, "%s is sent whole again", what)

    async def _carry_out(self, send: Send) -> None:
        p = self._p
        loaded = await p.disk.run(self._load, send, frozenset(p.aside.waiting()))
        if loaded.last == send.after:
            p.complaints.begin("uplink.unreadable", "the journal cannot be read; events wait")
            p.delivery.hold(True, self._now())  # until the next look
            return
        p.complaints.end("uplink.unreadable", "the journal can be read again")
        if loaded.large:
            self._set_aside(loaded.large)
        if self._client.closed.done():
            return
        if not self._flying:
            self._answered_at = self._now()
        for packet in loaded.packets:
            self._flying += 1
            self._client.send(packet).add_done_callback(partial(self._settle, send.lane, packet))
        p.delivery.sent(send, loaded.last, loaded.events, len(loaded.packets), self._now())

    # --- what is too large -----------------------------------------------------------------------------------------------------------

    def _too_large(self, topic: str, brackets: int, large: dict[int, int]) -> Callable[[Record, int], bool] | None:
        """Whether a record's event makes a packet that the broker does not take even alone; noted in `large`. None: it takes all."""
        p = self._p
        if not p.packets.limited:
            return None

        def leave_out(record: Record, length: int) -> bool:
            size = packet_bytes(topic or p.topics.event(record.cls), length + brackets, v5=p.v5)
            if p.packets.takes(size):
                return False
            if record.name != "loss":  # a loss that cannot be told is not lost once more: it waits
                large[record.seq] = size
            return True

        return leave_out

    def _set_aside(self, large: dict[int, int]) -> None:
        """Tell the centre not to wait for these, once it is sure that they are too large and that what tells so is not."""
        p = self._p
        p.packets.kept_back = min(large.values())
        self._tell_of_size(p.packets.kept_back)
        sure = {seq: size for seq, size in large.items() if p.packets.sure(size)}
        if not sure:
            return
        loss = draft(p.aside.loss(min(sure), max(sure)))
        length = len(p.encoder.event(Record(p.journal.head() + len(sure), p.journal.epoch, loss.at, loss.cls, loss.name, loss.data, b"")))
        if p.packets.takes(packet_bytes(p.topics.event(loss.cls), length, v5=p.v5)):
            p.aside.add(sure)

    def _tell_of_size(self, size: int) -> None:
        words = "an event of %d bytes is larger than the broker takes; it is kept, and sent should the limit rise"
        self._p.complaints.begin(f"uplink.too_large.{EVENT}", words, size)

    async def _look_at(self, seq: int) -> None:
        """The broker takes this event, and it does not arrive: where it is much larger than those after it, that is why."""
        p = self._p
        records = await p.disk.run(p.journal.page, seq - 1, 100)
        sizes = [packet_bytes(p.topics.backlog, len(p.encoder.event(record)) + 2, v5=p.v5) for record in records]
        if len(sizes) > 2 and records[0].seq == seq and sizes[0] > 1.5 * statistics.median(sizes[1:]):
            p.packets.dropped(sizes[0], self._now())
            p.delivery.again(self._now())

    async def _try_aside(self) -> None:
        """Send what was set aside, one at a time, when the broker's limit allows it."""
        p = self._p
        if (smallest := p.aside.smallest()) is not None:
            self._tell_of_size(smallest)
        elif p.packets.takes(p.packets.kept_back):
            p.complaints.end(f"uplink.too_large.{EVENT}", "the broker takes all events again")
        if not p.delivery.all_heard or not self._facts.writes or self._trying_aside or self._client.closed.done():
            return
        seq = p.aside.due(p.packets.takes, self._now())
        if seq is None:
            return
        records = await p.disk.run(p.journal.page, seq - 1, 1)
        if not records:
            return  # the disk cannot be read now
        if records[0].seq != seq:
            p.aside.over(seq)  # pruned
            return
        self._trying_aside = True
        packet = Packet(p.topics.backlog, b"[%b]" % p.encoder.event(records[0]), content_type=CONTENT_BATCH, parts=1, v5=p.v5)
        self._client.send(packet).add_done_callback(partial(self._tried_aside, seq, packet))

    def _tried_aside(self, seq: int, packet: Packet, answer: asyncio.Future[int]) -> None:
        self._trying_aside = False
        code = answer.result()
        if code == TOO_LARGE:
            self._p.packets.refused(packet, self._now())
        elif code < FAILURE:
            self._p.aside.sent(seq, self._now())
            self._took(packet)
        self._p.wake.set()

    # --- older epochs ----------------------------------------------------------------------------------------------------------------

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
        if events:
            packet = Packet(p.topics.backlog, payload, content_type=CONTENT_BATCH, parts=events, v5=p.v5)
            self._client.send(packet).add_done_callback(partial(self._settle_older, packet))
        p.older.sent(asked, last, events, p.delivery.rate(now), now)

    def _load_older(self, asked: Asked) -> tuple[int, int, bytes] | None:
        """On the disk's thread: (last number, events, message); None when nothing more is held or it cannot be read."""
        p = self._p
        records = p.journal.page(asked.after, p.delivery.batch, epoch=asked.epoch)
        if not records:
            return None
        batches = p.encoder.batches(records, p.delivery.batch, self._room_for_events(), self._too_large(p.topics.backlog, 2, {}))
        if not batches:
            return records[-1].seq, 0, b""  # too large, each of them: a centre that asks again gets them when the limit rises
        events, last, payload = batches[0]
        return last, events, payload

    def _settle_older(self, packet: Packet, answer: asyncio.Future[int]) -> None:
        p = self._p
        if (code := answer.result()) == TOO_LARGE:
            p.packets.refused(packet, self._now())
        elif code < FAILURE:
            self._took(packet)
        p.older.settled()
        p.wake.set()

    def _room_for_events(self) -> int:
        p = self._p
        return max(1, p.packets.most(2) - packet_bytes(p.topics.backlog, 0, CONTENT_BATCH, v5=p.v5) - 4)

    def _load(self, send: Send, aside: frozenset[int]) -> _Loaded:
        """On the disk's thread; nothing is covered when the journal cannot be read."""
        p = self._p
        records = p.journal.page(send.after, send.upto - send.after, send.upto)
        if not records:
            # A hole that a `gateway.loss` names, or pruned: something newer is there. Where nothing is, the disk cannot be read.
            newer = p.journal.page(send.after, 1)
            return _Loaded(newer[0].seq - 1 if newer else send.after, 0, [], {})
        last = records[-1].seq
        wanted = [record for record in records if record.seq not in aside] if aside else records
        large: dict[int, int] = {}
        packets: list[Packet] = []
        if send.lane is Lane.LIVE:
            leave_out = self._too_large("", 0, large)
            for record in wanted:
                payload = p.encoder.event(record)
                if leave_out is None or not leave_out(record, len(payload)):
                    packets.append(Packet(p.topics.event(record.cls), payload, content_type=CONTENT_EVENT, parts=1, v5=p.v5))
            return _Loaded(last, len(packets), packets, large)
        batches = p.encoder.batches(wanted, p.delivery.batch, self._room_for_events(), self._too_large(p.topics.backlog, 2, large))
        if len(batches) > send.messages:
            batches = batches[: send.messages]
            last = batches[-1][1]
        packets = [Packet(p.topics.backlog, payload, content_type=CONTENT_BATCH, parts=events, v5=p.v5) for events, _, payload in batches]
        return _Loaded(last, sum(packet.parts for packet in packets), packets, large)

    def _settle(self, lane: Lane, packet: Packet, answer: asyncio.Future[int]) -> None:
        p = self._p
        code = answer.result()
        if code == LOST:
            return
        now = self._now()
        self._flying -= 1
        self._answered_at = now
        p.complaints.end("uplink.no_puback", "the broker acknowledges messages again")
        if code == TOO_LARGE:
            # what was sent before this was known needs no second lesson: its events go again already
            again = p.packets.refused(packet, now)
            (p.delivery.smaller if again else p.delivery.answered)(lane, now)
            p.wake.set()
            return
        p.delivery.settled(lane, code < FAILURE, now)
        if code >= FAILURE:
            p.complaints.begin(f"uplink.refused.{lane}", "the broker refuses our events on the %s lane (reason code %d)", lane, code)
        else:
            self._took(packet)
            p.complaints.end(f"uplink.refused.{lane}", "the broker takes our events on the %s lane again", lane)
        p.wake.set()

    def _now(self) -> float:
        return self._p.clock.now().mono
