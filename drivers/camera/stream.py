"""A video stream drained by one thread and decoded by another; only the newest frame is kept.

    network -> [drain] -> packets since the last keyframe -> [decode] -> one slot -> whoever looks

The drain never waits for the decoder: a new keyframe throws away whatever was not decoded yet, so a slow consumer costs frames and never
time (behind a blocking reader a consumer at 5 of 25 fps falls 0.8 s a second behind). Idle mode decodes keyframes only; on waking, the
packets kept since the last one are decoded in one go, and the picture is current at once.

What goes wrong, and what happens: the server dies (the iterator ends without an exception) -> reconnect; it freezes (no packet) -> `state`
says so by the packet's age, and the read ends by its own time-out; a broken packet -> the decoder waits for the next keyframe; packets are
missing -> what is decoded is smeared until the next keyframe, and nobody is shown it; a picture
too large -> refused. Why it is down is a word of down.py.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import av
import av.logging

from drivers.camera import down
from drivers.camera.contract import WRONG_PASSWORD, CameraState, Frame, Image
from drivers.errors import DriverError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet as AnyPacket

    Packet = AnyPacket[Any]

log = logging.getLogger(__name__)

# FFmpeg's own log quotes URLs with credentials.
av.logging.set_level(av.logging.PANIC)

MAX_PACKETS = 300  # 12 s at 25 fps: a longer distance between keyframes is decoded afresh from the next one
MAX_GOP_BYTES = 16 * 2**20  # a 4K keyframe interval at 16 Mb/s is 8 MB
MAX_PIXELS = 3840 * 2160  # more is no gate camera but an attack on memory
LONG_GOP_S = 1.5  # keyframes further apart than this do not show who comes: while idle the frames between are decoded too,
# After a gap pictures are in doubt until the next whole keyframe. Cameras that send none (intra refresh) have drawn all of it anew by then.
DOUBT_S = 5.0
CATCH_UP_S = 1.0  # once in so long, all that wait
LOCKOUT_S = 300.0  # after a wrong password: cameras lock an account that is tried every few seconds
WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # between connection attempts, each +-20 %
MAX_PAUSE_S = 1.0  # between two packets of a recording: a broken time stamp must not stop the clip
SETTLED_S = 30.0  # a stream that lived this long starts again with the shortest wait

Opener = Callable[[], "InputContainer"]


@dataclass(frozen=True, slots=True)
class AvPicture:
    """A decoded FFmpeg frame, converted when looked at (swscale, about 0.7 ms at 720p)."""

    frame: av.VideoFrame

    def bgr(self) -> Image:
        """See Picture."""
        return cast("Image", self.frame.to_ndarray(format="bgr24"))

    def luma(self, width: int, height: int) -> Image:
        """See Picture."""
        return cast("Image", self.frame.reformat(width=width, height=height, format="gray").to_ndarray())


class StreamCamera:
    """A Camera over anything FFmpeg opens. `paced` plays a recording at its own speed, and again from the start at its end.

    `gaps` gives a number that changes whenever something that the camera sent is missing.
    """

    def __init__(
        self,
        name: str,
        opener: Opener,
        *,
        paced: bool = False,
        clock: Callable[[], float] = time.monotonic,
        gaps: Callable[[], int] = lambda: 0,
    ) -> None:
        self._name, self._open, self._paced, self._clock, self._gaps = name, opener, paced, clock, gaps
        self._lock = threading.Condition()
        self._decoder = threading.Lock()  # the codec in use: taken for one packet, and to close it
        self._pending: deque[tuple[Packet, float, bool]] = deque()  # a packet, when it came, and whether its picture is whole
        self._pending_bytes = 0
        self._broken = True  # nothing is decoded until the first keyframe
        self._codec: Any = None
        self._slot: Frame | None = None
        self._idle = self._stopping = self._up = False
        self._keyframe_at: float | None = None
        self._long_gop = False
        self._caught_up_at = float("-inf")
        self._gaps_seen = 0
        self._doubt_ends = float("-inf")
        self._flags_tell = False  # whether the decoder's own word for a damaged picture tells them apart in this stream
        self._why = "starting"
        self._last_packet: float | None = None
        self._frames = self._dropped = self._packets = 0
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """See Camera."""
        # Daemon threads: a read that never returns must not keep the process alive.
        self._threads = [
            threading.Thread(target=self._drain_forever, name=f"drain-{self._name}", daemon=True),
            threading.Thread(target=self._decode_forever, name=f"decode-{self._name}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def newest(self, after: int, timeout_s: float) -> Frame | None:
        """See Camera."""
        with self._lock:
            self._lock.wait_for(lambda: self._stopping or (self._slot is not None and self._slot.number > after), timeout_s)
            return self._slot if self._slot is not None and self._slot.number > after else None

    def idle(self, on: bool) -> None:
        """See Camera."""
        with self._lock:
            self._idle = on
            self._lock.notify_all()

    def state(self) -> CameraState:
        """See Camera."""
        with self._lock:
            age = None if self._last_packet is None else self._clock() - self._last_packet
            return CameraState(self._up, self._why, age, self._frames, self._dropped)

    def stop(self, timeout_s: float = 3.0) -> bool:
        """See Camera."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        deadline = self._clock() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock()))
        return not any(thread.is_alive() for thread in self._threads)

    # drain

    def _drain_forever(self) -> None:
        attempt = 0
        while True:
            began = self._clock()
            taken = self._packets
            why = self._drain_once()
            if self._paced and why == "ended" and self._packets > taken:
                continue
            if self._stopping:
                return
            if self._clock() - began > SETTLED_S:
                attempt = 0
            with self._lock:
                if self._up or attempt == 0:
                    log.warning("camera %s down: %s", self._name, why)
                self._up, self._why = False, why
                usual = LOCKOUT_S if why == WRONG_PASSWORD else WAITS_S[min(attempt, len(WAITS_S) - 1)]
                wait = usual * random.uniform(0.8, 1.2)  # noqa: S311 (spreads reconnections)
                self._lock.wait_for(lambda: self._stopping, wait)
            attempt += 1

    def _drain_once(self) -> str:
        """One connection, from open to its end; returns why it ended."""
        try:
            container = self._open()
        except (DriverError, av.FFmpegError, OSError, ValueError) as error:
            return down.why(error)
        try:
            if not container.streams.video:
                return "no video"
            stream = container.streams.video[0]
            codec: Any = stream.codec_context
            if codec is None:  # FFmpeg has no decoder for what the stream claims to be
                return "unknown codec"
            # One thread, no frame threading: it costs 1.3-1.5x the CPU and holds two frames back.
            codec.thread_type, codec.thread_count = "NONE", 1
            if codec.width * codec.height > MAX_PIXELS:
                return "picture too large"
            codec.options = {"max_pixels": str(MAX_PIXELS)}
            with self._lock:
                self._codec, self._broken = codec, True
                self._clear_pending()
            self._drain_packets(container, stream)
        except (DriverError, av.FFmpegError, OSError, ValueError) as error:
            return down.why(error)
        finally:
            with self._decoder, self._lock:
                self._codec = None
                self._clear_pending()
                container.close()
        return "ended"

    def _drain_packets(self, container: InputContainer, stream: Any) -> None:  # noqa: ANN401 (PyAV's stream is untyped)
        began = self._clock()
        for packet in container.demux(stream):
            if self._stopping:
                return
            if not packet.size:  # the flush packet that ends a stream; the first of a stream may have no time either
                continue
            if self._paced and packet.dts is not None:
                self._pause_until(began + float(packet.dts * stream.time_base))
            self._take(packet)

    def _pause_until(self, due: float) -> None:
        with self._lock:
            self._lock.wait_for(lambda: self._stopping, min(max(0.0, due - self._clock()), MAX_PAUSE_S))

    def _take(self, packet: Packet) -> None:
        now = self._clock()
        with self._lock:
            self._packets += 1
            if not self._up:
                log.info("camera %s up", self._name)
            self._up, self._why, self._last_packet = True, "", now
            if self._keyframe_at is not None and now - self._keyframe_at > LONG_GOP_S:
                self._long_gop = True
            gap = (gaps := self._gaps()) != self._gaps_seen
            self._gaps_seen = gaps
            if gap:
                self._doubt_ends = now + DOUBT_S
            elif packet.is_keyframe:
                self._doubt_ends = now
            if packet.is_keyframe:
                self._long_gop = self._keyframe_at is not None and now - self._keyframe_at > LONG_GOP_S
                self._keyframe_at = now
                self._dropped += len(self._pending)
                self._clear_pending()
                self._broken = False
            elif len(self._pending) >= MAX_PACKETS or self._pending_bytes > MAX_GOP_BYTES:
                self._dropped += len(self._pending)
                self._clear_pending()
                self._broken = True
            if not self._broken:
                self._pending.append((packet, now, now >= self._doubt_ends and not packet.is_corrupt))
                self._pending_bytes += packet.size
                self._lock.notify_all()

    def _clear_pending(self) -> None:
        self._pending.clear()
        self._pending_bytes = 0

    # decode

    def _decode_forever(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(self._has_work)
                if self._stopping:
                    return
            with self._decoder:
                with self._lock:
                    if not self._has_work() or self._stopping:
                        continue
                    packet, at, whole = self._pending.popleft()
                    self._pending_bytes -= packet.size
                    codec = self._codec
                    if not self._pending:
                        self._caught_up_at = self._clock()
                frames = self._decode(codec, packet)
            if frames:
                if packet.is_keyframe:
                    self._flags_tell = not frames[-1].is_corrupt
                if whole and not (frames[-1].is_corrupt and self._flags_tell):
                    self._publish(frames[-1], at)
                else:
                    with self._lock:
                        self._dropped += 1

    def _has_work(self) -> bool:
        if self._stopping or not self._pending or self._codec is None:
            return self._stopping
        catching_up = self._long_gop and self._clock() - self._caught_up_at >= CATCH_UP_S
        return not self._idle or self._pending[0][0].is_keyframe or catching_up

    def _decode(self, codec: Any, packet: Packet) -> list[av.VideoFrame]:  # noqa: ANN401 (PyAV's codecs share no typed base)
        try:
            return cast("list[av.VideoFrame]", codec.decode(packet))
        except (av.FFmpegError, ValueError):
            with self._lock:
                self._broken = True
                self._dropped += 1 + len(self._pending)
                self._clear_pending()
            return []

    def _publish(self, frame: av.VideoFrame, at: float) -> None:
        with self._lock:
            self._frames += 1
            self._slot = Frame(self._frames, at, AvPicture(frame))
            self._lock.notify_all()
