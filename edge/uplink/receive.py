"""The reference receiver for the centre: commits to SQLite, then acknowledges. Tolerates any order, repetition, epoch and gateway."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Full, Queue

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.access.events import rfc3339
from edge.clock import Clock, PlainClock
from edge.errors import TryAgain
from edge.uplink.arrivals import Arrival
from edge.uplink.broker import BrokerRefused, Message
from edge.uplink.client import Client
from edge.uplink.complaints import Complaints
from edge.uplink.identity import options
from edge.uplink.ledger import Ledger, Summary, Word
from edge.uplink.messages import Ack
from edge.uplink.receive_store import Key
from edge.uplink.reconnect import Backoff
from edge.uplink.settings import BrokerSettings
from edge.uplink.signature import Speaker, sign
from edge.uplink.status import dump
from edge.uplink.topics import EVERYTHING_OF_GATEWAYS, Topics

_LOG = logging.getLogger("edge.uplink.receive")

WAITING = 200
"""Messages between network and disk, 10 MB of batches; beyond it the network waits, and so does the broker."""

GROUP = 200
"""Messages in one commit: what came while the disk was busy with the one before."""

LEAST_CREDIT = 20
"""What a gateway without credit allows itself; see UplinkSettings.backlog_per_s."""

NOTED_APART_MS = 60_000
"""How often the `at` of the last acknowledgement is written down: a clock is rarely set back, and a commit costs a disk 5 ms."""

ACKS_FLYING = 20
"""Acknowledgements on their way at once: mosquitto's own window for us."""

RETRY_S = 1.0
"""Between attempts at a database that cannot be written."""

STOP_S = 10.0
"""Longest wait for the last commit when stopping."""


class Receiver:
    """Receives from every gateway of a broker until `run` is cancelled.

    `capacity` is the events a second that all gateways together may send from their backlogs; each is granted its share as credit.
    `key` signs the acknowledgements. `on_event` is told every new event once it is on disk, from the receiver's own thread.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        path: Path,
        *,
        consumer: str = "centre",
        capacity: int = 20_000,
        on_event: Callable[[Arrival], None] | None = None,
        key: Ed25519PrivateKey | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Open the database at `path`. Raises sqlite3.Error."""
        self._broker = broker
        self._consumer = consumer
        self._capacity = capacity
        self._on_event = on_event
        self._clock = clock or PlainClock()
        self._backoff = Backoff(rng or random.Random(), broker.reconnect_max_s)  # noqa: S311 - jitter, not a secret
        self._complaints = Complaints()
        self._ledger = Ledger(path)
        self._key = key
        self._centre_id = self._ledger.centre_id
        self._said_at = self._noted_at = self._ledger.said_at
        self._guard = threading.Lock()  # the ledger, between its thread and who asks for the summary
        self._arrived: Queue[Message | None] = Queue(WAITING)
        self._client: Client | None = None
        self._unsaid: dict[Key, int] = {}
        self._saying = 0
        self._credit = LEAST_CREDIT
        self._stopping = False

    async def run(self) -> None:
        """Receive; ends only by cancellation, when everything that has arrived is on disk."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, "receive")
        writing = loop.run_in_executor(thread, self._write, loop)
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({serving, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            serving.cancel()
            await asyncio.wait({serving})
            self._stopping = True
            with suppress(Full):
                self._arrived.put_nowait(None)
            await asyncio.wait({writing}, timeout=STOP_S)
            thread.shutdown(wait=False)
        # only a fault ends either of them by itself
        writing.result()
        serving.result()

    def summary(self) -> Summary:
        """What was received and what is missing now. Any thread."""
        with self._guard:
            return self._ledger.summary()

    # --- the network -----------------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        name = f"anyu-receive-{self._consumer}-{secrets.token_hex(4)}"
        while True:
            connected_s, refused, why = 0.0, False, ""
            client = None
            try:
                # Batches of gateways are 120 KB at most.
                greeting = replace(options(self._broker, name, window=100), receive_maximum=WAITING, packet_maximum=1 << 20)
                client = Client(greeting, self._deliver)
                await client.connect()
                up_at = self._clock.now().mono
                await client.subscribe(EVERYTHING_OF_GATEWAYS)
                self._complaints.end("away", "connected to the broker again")
                self._client = client
                why = await client.closed
                connected_s = self._clock.now().mono - up_at
            except TryAgain as fault:
                why, refused = str(fault), isinstance(fault, BrokerRefused)
            finally:
                self._client = None
                if client is not None:
                    await (client.abort() if why else client.close())
            self._complaints.begin("away", "%s:%d: %s", self._broker.host, self._broker.port, why)
            await self._clock.sleep(self._backoff.after(connected_s=connected_s, refused=refused))

    def _deliver(self, message: Message) -> None:
        """On the network thread, which waits here while the disk is busy."""
        while not self._stopping:
            with suppress(Full):
                self._arrived.put(message, timeout=0.5)
                return

    def _acknowledge(self, words: list[Word], credit: int) -> None:
        """The newest word of each run waits for its place in the window: each says all that those before it said."""
        self._credit = credit
        self._unsaid.update((word.key, word.seq) for word in words)
        self._say()

    def _say(self) -> None:
        client = self._client
        if client is None:
            self._unsaid.clear()  # said again when the gateway's health comes
            return
        while self._unsaid and self._saying < ACKS_FLYING:
            key = next(iter(self._unsaid))  # the one that waits longest
            seq = self._unsaid.pop(key)
            self._saying += 1
            client.publish(Topics(key.site, key.gateway).ack(self._consumer), self._word(key, seq)).add_done_callback(self._said)

    def _word(self, key: Key, seq: int) -> bytes:
        # a clock that stands still or was set back must not make two acknowledgements of one time
        self._said_at = max(self._said_at + 1, int(self._clock.now().at.timestamp() * 1000))
        at = rfc3339(datetime.fromtimestamp(self._said_at / 1000, UTC))
        ack = Ack(epoch=key.epoch, seq=seq, credit=self._credit, centre_id=self._centre_id, at=at)
        if self._key is not None:
            sig = sign(self._key, Speaker(key.site, key.gateway, self._consumer), ack.model_dump(mode="json", exclude_none=True))
            ack = ack.model_copy(update={"sig": sig})
        return dump(ack)

    def _said(self, _answer: object) -> None:
        self._saying -= 1
        self._say()

    # --- the disk, on its own thread -------------------------------------------------------------------------------------------------

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for group in self._groups():
                self._keep(group, loop)
            with self._guard, suppress(sqlite3.Error):  # it only guards against a clock that is set back
                self._ledger.note_said(self._said_at)
        finally:
            self._ledger.close()

    def _groups(self) -> Iterator[list[Message]]:
        while True:
            first = self._arrived.get()
            group = [] if first is None else [first]
            while first is not None and len(group) < GROUP:
                try:
                    more = self._arrived.get_nowait()
                except Empty:
                    break
                if more is None:
                    first = None
                else:
                    group.append(more)
            if group:
                yield group
            if first is None or (self._stopping and self._arrived.empty()):
                return

    def _keep(self, group: list[Message], loop: asyncio.AbstractEventLoop) -> None:
        try:
            with self._guard:
                words, fresh = self._ledger.take(group)
                if (said_at := self._said_at) - self._noted_at > NOTED_APART_MS:
                    self._ledger.note_said(said_at)
                    self._noted_at = said_at
                complaint, conflict = self._ledger.complaint, self._ledger.conflict
                doubting = [gateway for gateway, said in self._ledger.degraded.items() if f"uplink.unproven.{self._consumer}" in said]
                credit = max(LEAST_CREDIT, self._capacity // max(1, self._ledger.gateways))
        except sqlite3.Error as fault:
            self._complaints.begin("disk", "the database takes nothing (%s); what is not acknowledged comes again", fault)
            threading.Event().wait(RETRY_S)
            return
        self._complaints.end("disk", "the database takes events again")
        if conflict:
            self._complaints.begin("conflict", "a gateway gave a number twice, and the later event is not kept; the first: %s", conflict)
        if complaint:
            self._complaints.begin("malformed", "messages that are none of ours are dropped and counted; the first: %s", complaint)
        if doubting:
            sentence = "%s of site %s does not believe our acknowledgements and will delete nothing: %s"
            cure = "sign with --ack-key" if self._key is None else "it knows another key than that of --ack-key"
            self._complaints.begin("doubted", sentence, doubting[0][1], doubting[0][0], cure)
        else:
            self._complaints.end("doubted", "every gateway believes our acknowledgements again")
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._acknowledge, words, credit)
        if self._on_event is not None:
            for arrival in fresh:
                self._on_event(arrival)
