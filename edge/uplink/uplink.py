"""The way to the centre: one unit for the supervisor. Connects, serves the connection, and connects again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edge.clock import Clock
from edge.errors import TryAgain
from edge.journal import Journal
from edge.uplink import status
from edge.uplink.acks import AckBox, Proof
from edge.uplink.aside import Aside
from edge.uplink.broker import FAILURE, LOST, BrokerRefused, Will
from edge.uplink.client import Client
from edge.uplink.complaints import Complaints
from edge.uplink.delivery import Delivery
from edge.uplink.identity import options
from edge.uplink.limits import STALL_S, Limits
from edge.uplink.messages import HealthBody, InfoBody
from edge.uplink.older import Older
from edge.uplink.packets import Packets
from edge.uplink.patience import GoingBack, Patience
from edge.uplink.reconnect import STABLE_S, Backoff, Flaps
from edge.uplink.session import Disk, Parts, Session, tell_of_refusal
from edge.uplink.settings import UplinkSettings
from edge.uplink.signature import Speaker, public_key
from edge.uplink.topics import Topics
from edge.uplink.wire import Encoder

FAREWELL_S = 0.5
"""Of the whole daemon's time to stop."""

_CONN_SEQ = "uplink.conn_seq"


@dataclass(frozen=True, slots=True)
class UplinkView:
    """The way to the centre at one moment."""

    connected: bool
    backlog: int
    bad_acks: int
    complaints: tuple[str, ...]


class Uplink:
    """Publishes what the journal has committed, and keeps the retained `state`, `health` and `info` true."""

    def __init__(
        self,
        settings: UplinkSettings,
        *,
        site: str,
        gateway: str,
        boot_id: str,
        journal: Journal,
        health: Callable[[], HealthBody],
        info: Callable[[], InfoBody],
        clock: Clock,
        rng: random.Random | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        """`health` and `info` are called on the loop, about once a second and once a connection; they must not wait for anything."""
        self._settings = settings
        self._topics = Topics(site, gateway)
        self._boot_id = boot_id
        self._journal = journal
        self._clock = clock
        self._backoff = Backoff(rng or random.Random(), settings.reconnect_max_s)  # noqa: S311 - jitter, not a secret
        self._delivery = Delivery(
            Limits(window=settings.window, batch=settings.batch, default_rate=settings.backlog_per_s, stall_s=stall_s), settings.consumers
        )
        self._complaints = Complaints()
        self._unsigned = tuple(f"uplink.unsigned.{consumer}" for consumer in settings.unsigned)
        self._status = status.Status(health, info, self.words, clock)
        self._older = Older(self._delivery.limits)
        self._going_back = GoingBack(self._patience())
        self._saying = self._patience()
        self._packets = Packets()
        self._aside = Aside(journal, clock)
        self._flaps = Flaps()
        self._acks = AckBox(
            {consumer: self._topics.ack(consumer) for consumer in settings.consumers}, self._wake_from_thread, self._proofs(site, gateway)
        )
        self._encoder = Encoder(site, gateway, disclose_person=settings.disclose == "reference")
        self._conn_seq = 0
        self._connected = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._waking = False
        journal.on_commit(lambda _head: self._wake_from_thread())

    async def run(self) -> None:
        """Connect, publish, reconnect; never returns. Cancelling it says `stopping` to the broker and takes at most 3 s."""
        self._loop = asyncio.get_running_loop()
        disk = Disk()
        try:
            while True:
                why, refused, connected_s, lesson = await self._connect_once(disk)
                self._away(why, refused=refused, again_after=connected_s > 0)
                await self._clock.sleep(self._backoff.after(connected_s=connected_s, refused=refused, lesson=lesson))
        finally:
            self._loop = None
            disk.close()

    def touch(self) -> None:
        """Something in `health` changed: publish it soon (at most one a second). Any thread."""
        self._status.touch()
        self._wake_from_thread()

    def complaints(self) -> tuple[str, ...]:
        """What is wrong on the way to the centre, as words for `degraded` and `health`; empty when all is well."""
        return self._complaints.words()

    def words(self) -> tuple[str, ...]:
        """The same, and the consumers whose acknowledgements nobody proves."""
        return (*self._unsigned, *self.complaints())

    def view(self) -> UplinkView:
        """How it stands, for the control socket and the figures."""
        return UplinkView(self._connected, self._delivery.backlog, self._acks.malformed, self.complaints())

    # --- one connection --------------------------------------------------------------------------------------------------------------

    async def _connect_once(self, disk: Disk) -> tuple[str, bool, float, bool]:
        """Why it ended or was not made, whether the broker refused us, how many seconds it was up, whether its end taught us a limit."""
        client = session = None
        up_at: float | None = None
        why, refused, lesson = "", False, False
        try:
            self._conn_seq = self._next_conn_seq()
            client = Client(options(self._settings, f"{self._topics.site}-{self._topics.gateway}", self._settings.window), self._acks.put)
            gone = status.state(online=False, boot_id=self._boot_id, conn_seq=self._conn_seq)
            await client.connect(Will(self._topics.state, gone))
            up_at = self._clock.now().mono
            self._packets.connected(client.packet_limit, up_at)
            client.careful = self._packets.careful
            await self._greet(client)
            session = Session(self._parts(disk), client)
            why = await session.run()
        except TryAgain as fault:
            why, refused = str(fault), isinstance(fault, BrokerRefused)
        except asyncio.CancelledError:
            if client is not None and session is not None:
                await self._farewell(client, session)
            raise
        finally:
            self._connected = False
            self._delivery.disconnected(self._clock.now().mono)
            if client is not None:
                lesson = up_at is not None and self._learn(client)
                await (client.close() if not why else client.abort())
            if client is None or client.unanswered is None or up_at is None:
                self._flaps.other()
        return why, refused, 0.0 if up_at is None else self._clock.now().mono - up_at, lesson

    def _learn(self, client: Client) -> bool:
        """What the end of a connection says of the broker's limits, and of who ends it. Whether a limit was found out."""
        now = self._clock.now().mono
        if client.unanswered is None:
            return False
        word = self._flaps.cut(client.code, idle=not client.unanswered, now=now)
        if word == "uplink.id_twice":
            self._complaints.begin(
                word,
                "the broker has ended three connections within a minute: a second gateway or a copy of this one uses the client id %s",
                client.client_id,
            )
            return False  # it says nothing of what was on the wire
        if word:
            self._complaints.begin(word, "the broker has ended three connections within a minute, each while something was on its way")
        return self._packets.ended(client.unanswered, client.code, now)

    async def _greet(self, client: Client) -> None:
        """Subscribe before the birth, so that no answer to it is missed."""
        codes = await client.subscribe([self._topics.ack(consumer) for consumer in self._settings.consumers])
        for consumer, code in zip(self._settings.consumers, codes, strict=False):
            word = f"uplink.unheard.{consumer}"
            if code >= FAILURE:
                self._complaints.begin(word, "the broker does not let us hear the acknowledgements of %s (reason code %d)", consumer, code)
            else:
                self._complaints.end(word, "the broker lets us hear the acknowledgements of %s again", consumer)
        birth = status.state(online=True, boot_id=self._boot_id, conn_seq=self._conn_seq)
        client.publish(self._topics.state, birth, retain=True).add_done_callback(self._born)
        self._connected = True
        for word in ("uplink.away", "uplink.refused"):
            self._complaints.end(word, "connected to the broker again")

    def _born(self, answer: asyncio.Future[int]) -> None:
        if answer.result() != LOST:
            tell_of_refusal(self._complaints, "state", answer.result())

    async def _farewell(self, client: Client, session: Session) -> None:
        """What was written until now, `gateway.stopping` among it, and then goodbye; what does not get through waits for the next start."""
        bye = status.state(online=False, boot_id=self._boot_id, conn_seq=self._conn_seq, stopping=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await session.last_words()
                await client.publish(self._topics.state, bye, retain=True)

    def _away(self, why: str, *, refused: bool, again_after: bool) -> None:
        s = self._settings
        if again_after and self._flaps.flapping:
            return  # said once, by a word that outlives each connection
        if again_after:
            self._complaints.begin("uplink.away", "the connection to %s:%d ended: %s", s.host, s.port, why)
        elif refused:
            self._complaints.begin("uplink.refused", "%s:%d: %s", s.host, s.port, why)
        else:
            self._complaints.begin("uplink.away", "%s:%d: %s", s.host, s.port, why)

    def _parts(self, disk: Disk) -> Parts:
        return Parts(
            topics=self._topics,
            journal=self._journal,
            disk=disk,
            delivery=self._delivery,
            older=self._older,
            going_back=self._going_back,
            saying=self._saying,
            encoder=self._encoder,
            packets=self._packets,
            aside=self._aside,
            status=self._status,
            complaints=self._complaints,
            acks=self._acks,
            clock=self._clock,
            wake=self._wake,
            puback_s=self._settings.puback_s,
            v5=self._settings.protocol == "5",
            steady=self._steady,
        )

    def _steady(self, up_s: float) -> None:
        """The connection has lasted so long: what was said of those that did not is over."""
        if up_s >= STABLE_S:
            self._flaps.other()
            for word in ("uplink.id_twice", "uplink.cut_off"):
                self._complaints.end(word, "the connection lasts again")

    def _patience(self) -> Patience:
        return Patience(self._delivery.limits.stall_s, self._delivery.limits.backoff_max_s)

    def _next_conn_seq(self) -> int:
        """Counts on over restarts; from memory where the disk forgets."""
        kept = self._journal.recall(_CONN_SEQ)
        number = max(self._conn_seq, int(kept) if kept and kept.isdigit() else 0) + 1
        self._journal.remember(_CONN_SEQ, str(number))
        return number

    def _proofs(self, site: str, gateway: str) -> dict[str, Proof]:
        """The keys of the consumers that have any, and what an earlier run remembered of each."""
        return {
            name: Proof(
                Speaker(site, gateway, name),
                [public_key(key) for key in trust.keys],
                partial(self._journal.recall, f"uplink.ack_at.{name}"),
            )
            for name, trust in self._settings.acks.items()
            if trust.keys
        }

    # --- waking ----------------------------------------------------------------------------------------------------------------------

    def _wake_from_thread(self) -> None:
        """One wake-up for many commits or acknowledgements; called from their threads."""
        loop = self._loop
        if loop is None or self._waking:
            return
        self._waking = True
        with contextlib.suppress(RuntimeError):  # the loop closed meanwhile
            loop.call_soon_threadsafe(self._woken)

    def _woken(self) -> None:
        self._waking = False
        self._wake.set()
