"""One MQTT connection with an asyncio face. Nothing of paho is known outside this file.

paho runs on a thread of its own. A `Client` is one connection and is never reconnected: the next one is a new object, so no half-sent
message, old will or packet id survives into it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from paho.mqtt.client import Client as Paho
from paho.mqtt.client import DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.uplink.broker import LOST, TOO_LARGE, BrokerAway, BrokerRefused, Message, Options, Packet, Will


class Client:
    """One connection. `deliver` is called on the network thread and may block for a moment: that slows the sender, not the loop."""

    def __init__(self, options: Options, deliver: Callable[[Message], None] | None = None) -> None:
        self._options = options
        self.client_id = options.client_id
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._v5 = options.protocol == "5"
        self._paho = self._make()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._pending: dict[int, tuple[Packet, asyncio.Future[int]]] = {}  # on the wire, the oldest first
        self._queue: deque[tuple[Packet, asyncio.Future[int]]] = deque()  # not sent yet: the window is full
        self._subscribing: dict[int, asyncio.Future[list[int]]] = {}
        # Filled by the network thread, emptied by the loop with one wake-up for many; the window bounds it.
        self._settled: deque[tuple[int, int]] = deque()
        self._waking = False
        self._starting = threading.Lock()  # between the dialling thread and an abort
        self._given_up = False
        self.closed: asyncio.Future[str] = self._loop.create_future()
        """Done when the connection has ended, with the reason in words."""
        self.window = options.window
        """Packets that may be on the wire, of every kind: ours, or the broker's Receive Maximum if that is less. The rest queues here."""
        self.packet_limit: int | None = None
        """The largest packet the broker takes, if it said. A larger one is not sent; its answer is TOO_LARGE."""
        self.code: int | None = None
        """The reason code of the broker's DISCONNECT, if it sent one."""
        self.unanswered: tuple[Packet, ...] | None = None
        """What was on the wire without an answer when the other side ended the connection, the oldest first; None: it did not end it."""
        self.careful = False
        """One packet at a time on the wire."""

    async def connect(self, will: Will | None = None) -> None:
        """Connect and wait for the broker's yes. Raises BrokerAway or BrokerRefused; whatever happens, call `close` afterwards."""
        if will is not None:
            self._paho.will_set(will.topic, will.payload, qos=1, retain=True)
        dialled: asyncio.Future[None] = self._loop.create_future()
        # A daemon thread of its own: a name server that hangs must hold up neither the loop nor the stop.
        threading.Thread(target=self._dial, args=(dialled,), name="mqtt-dial", daemon=True).start()
        try:
            async with asyncio.timeout(2 * self._options.connect_s):
                await dialled
                await _first(self._connected, self.closed)
        except TimeoutError:
            raise BrokerAway("no answer to CONNECT in time") from None
        if not self._connected.done():
            raise BrokerAway(f"the connection ended before the broker's answer: {self.closed.result()}")
        self._connected.result()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, content_type: str = "") -> asyncio.Future[int]:
        """Send with QoS 1, after what waits already. The future's result is the PUBACK's reason code (>= FAILURE: refused) or LOST.

        It never raises. paho's own `is_published()` is true for refused messages too, so it is not asked.
        """
        return self.send(Packet(topic, payload, retain, content_type, v5=self._v5))

    def send(self, packet: Packet) -> asyncio.Future[int]:
        """The same for a packet."""
        done: asyncio.Future[int] = self._loop.create_future()
        most = self.packet_limit
        if most is not None and packet.size > most:
            packet = replace(packet, content_type="")  # nobody needs it to read the message
        if self.closed.done():
            done.set_result(LOST)
        elif most is not None and packet.size > most:
            done.set_result(TOO_LARGE)
        else:
            self._queue.append((packet, done))
            self._send_on()
        return done

    def _send_on(self) -> None:
        while self._queue and len(self._pending) < (1 if self.careful else self.window):
            packet, done = self._queue.popleft()
            properties = _properties(packet.content_type) if self._v5 else None
            info = self._paho.publish(packet.topic, packet.payload, qos=1, retain=packet.retain, properties=properties)
            if info.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:
                _result(done, LOST)
            else:
                # The PUBACK may already be here, but it is looked up by this very loop, after this line.
                self._pending[info.mid] = packet, done

    async def subscribe(self, topics: Sequence[str]) -> list[int]:
        """Subscribe with QoS 1; the reason code of each topic (>= FAILURE: refused). Raises BrokerAway."""
        granted: asyncio.Future[list[int]] = self._loop.create_future()
        rc, mid = self._paho.subscribe([(topic, 1) for topic in topics])
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerAway("the connection ended before the subscription")
        self._subscribing[mid] = granted
        await _first(granted, self.closed, timeout_s=2 * self._options.connect_s)
        if not granted.done():
            raise BrokerAway("no answer to SUBSCRIBE")
        return granted.result()

    async def close(self, *, grace_s: float = 1.0) -> None:
        """Say goodbye (the will is then not spoken), wait at most `grace_s`, then cut the line. Calling it twice is harmless."""
        if self._paho.is_connected():
            self._paho.disconnect()
            await asyncio.wait({self.closed}, timeout=grace_s)
        await self.abort()

    async def abort(self) -> None:
        """Cut the line without goodbye: the broker speaks the will. Ends the network thread."""
        with self._starting:
            self._given_up = True
        sock = self._paho.socket()
        if isinstance(sock, socket.socket):
            # loop_stop alone would wait for every PUBACK that may never come.
            with contextlib.suppress(OSError):
                # The plain socket's shutdown: TLS's own would take the cipher away from under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        stopped: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._stop, args=(stopped,), name="mqtt-stop", daemon=True).start()
        await asyncio.wait({stopped}, timeout=2.0)
        self._end("closed here")

    # --- other threads -------------------------------------------------------------------------------------------------------------

    def _dial(self, dialled: asyncio.Future[None]) -> None:
        o = self._options
        fault: Exception | None = None
        try:
            properties = None
            if self._v5:
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
                properties.ReceiveMaximum = o.receive_maximum
                properties.MaximumPacketSize = o.packet_maximum
            self._paho.connect(o.host, o.port, keepalive=o.keepalive_s, clean_start=True if self._v5 else 3, properties=properties)
            with self._starting:
                if self._given_up:
                    self._paho.disconnect()
                else:
                    self._paho.loop_start()
        except ssl.SSLCertVerificationError as error:
            fault = BrokerAway(f"the broker's certificate is not trusted: {error.verify_message}")
        except OSError as error:
            fault = BrokerAway(f"cannot connect to {o.host}:{o.port}: {error.strerror or error}")
        self._soon(_finish, dialled, fault)

    def _stop(self, stopped: asyncio.Future[None]) -> None:
        self._paho.loop_stop()
        self._soon(_finish, stopped, None)

    def _soon(self, call: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: so is whoever would have listened
            self._loop.call_soon_threadsafe(call, *args)

    def _make(self) -> Paho:
        o = self._options
        version = MQTTProtocolVersion.MQTTv5 if self._v5 else MQTTProtocolVersion.MQTTv311
        client = Paho(
            CallbackAPIVersion.VERSION2,
            client_id=o.client_id,
            protocol=version,
            clean_session=None if self._v5 else True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = o.connect_s
        client.max_inflight_messages_set(o.window)
        if o.username is not None:
            client.username_pw_set(o.username, o.password)
        if o.tls is not None:
            client.tls_set_context(o.tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = _no_delay
        return client

    def _on_connect(self, _c: Paho, _u: object, _flags: object, reason: ReasonCode, properties: Properties | None) -> None:
        self._soon(self._greeted, reason.value, str(reason), properties)

    def _on_disconnect(self, _c: Paho, _u: object, flags: DisconnectFlags, reason: ReasonCode, _p: object) -> None:
        # paho makes up a reason ("Unspecified error") where the broker gave none
        told = flags.is_disconnect_packet_from_server
        # a keep-alive that ran out is paho's own end: nothing that was sent made the other side end it
        silent = reason.value == 0x8D and not told
        why = f"the broker says {reason} ({reason.value})" if told else "no answer to PING" if silent else "the line broke"
        self._soon(self._end, why, reason.value if told else None, not silent)

    def _on_publish(self, _c: Paho, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._settled.append((mid, reason.value))
        if not self._waking:
            self._waking = True
            self._soon(self._settle)

    def _on_subscribe(self, _c: Paho, _u: object, mid: int, reasons: list[ReasonCode], _p: object) -> None:
        self._soon(self._granted, mid, [reason.value for reason in reasons])

    def _on_message(self, _c: Paho, _u: object, message: MQTTMessage) -> None:
        if self._deliver is not None:
            self._deliver(Message(message.topic, bytes(message.payload), message.retain))

    # --- the loop's thread ---------------------------------------------------------------------------------------------------------

    def _greeted(self, code: int, words: str, properties: Properties | None) -> None:
        if self._connected.done():
            return
        if code != 0:
            self._connected.set_exception(BrokerRefused(code, words))
            self._connected.exception()  # read here, so that an attempt given up meanwhile leaves no complaint
            return
        self.window = min(self.window, getattr(properties, "ReceiveMaximum", 65535))
        self.packet_limit = getattr(properties, "MaximumPacketSize", None)
        self._connected.set_result(None)

    def _settle(self) -> None:
        self._answer()
        self._send_on()

    def _answer(self) -> None:
        self._waking = False  # before the emptying: what comes now wakes again
        while self._settled:
            mid, code = self._settled.popleft()
            _, done = self._pending.pop(mid, (None, None))
            _result(done, code)

    def _granted(self, mid: int, codes: list[int]) -> None:
        _result(self._subscribing.pop(mid, None), codes)

    def _end(self, why: str, code: int | None = None, cut: bool = False) -> None:
        """`cut`: by the other side."""
        if self.closed.done():
            return
        self._answer()
        self.code = code
        if cut:
            self.unanswered = tuple(packet for packet, _ in self._pending.values())
        self.closed.set_result(why)
        for _, waiting in (*self._pending.values(), *self._queue):
            _result(waiting, LOST)
        self._pending.clear()
        self._queue.clear()


def _no_delay(_client: Paho, _user: object, sock: object) -> None:
    """Small messages go at once: waiting to fill a packet costs 40 ms a round trip (230 instead of thousands of events a second)."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _first(*waiting: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=timeout_s)


def _properties(content_type: str) -> Properties | None:
    if not content_type:
        return None
    properties = _PROPERTIES.get(content_type)
    if properties is None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.ContentType = content_type
        _PROPERTIES[content_type] = properties
    return properties


# One per content type (three of them): making one costs more than sending the message.
_PROPERTIES: dict[str, Properties] = {}


def _result(waiting: asyncio.Future[Any] | None, value: object) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(value)


def _finish(waiting: asyncio.Future[None], fault: Exception | None) -> None:
    if waiting.done():
        return
    if fault is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(fault)
