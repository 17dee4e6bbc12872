"""Looking through one camera: does it answer, does it know the account, is its clock right, what does it send, how soon and how often.

Blocking, and only for the doctor. Addresses with credentials stay inside; FFmpeg's messages, which quote them, are never repeated.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.camera import down
from drivers.errors import DriverError
from drivers.examine import Mark, clock
from edge.installer.doctor import Row

if TYPE_CHECKING:
    from drivers.camera.onvif import Options as Endpoint
    from drivers.camera.rtsp import Options as Stream
    from edge.vision.settings import CameraSettings

REACH_S = 3.0
FIRST_KEYFRAME_S = 10.0  # the longest distance between keyframes that cameras are delivered with
SLOW_KEYFRAME_S = 4.0  # a tenant at the gate has looked away by then
MEASURE_S = 3.0
FEW_FPS = 5.0  # below it a person is past before enough frames agree


def look_at(name: str, camera: CameraSettings, *, stream: bool = True) -> list[Row]:
    """Everything about one camera. Without `stream` only what does not open a second picture beside the daemon's."""
    match camera.driver:
        case "onvif":
            from drivers.camera import onvif

            assert isinstance(camera.options, onvif.Options)
            return _onvif(name, camera.options, stream=stream)
        case "rtsp":
            from drivers.camera import rtsp

            assert isinstance(camera.options, rtsp.Options)
            return _reach(name, camera.options.address) or (_stream(name, camera.options) if stream else [])
    return _frames(name, camera) if stream else []


def _reach(name: str, address: Callable[[], tuple[str, int]]) -> list[Row]:
    """Nothing if it answers."""
    try:
        socket.create_connection(address(), REACH_S).close()
    except OSError as error:
        return [Row(name, Mark.BAD, "camera_unreachable", {"why": down.why(error)})]
    except ValueError:  # a port or a name that is none
        return [Row(name, Mark.BAD, "camera_unreachable", {"why": "no answer"})]
    return []


def _onvif(name: str, options: Endpoint, *, stream: bool) -> list[Row]:
    from drivers.camera.onvif import look_up
    from drivers.onvif import connect
    from drivers.onvif.faults import NotAllowed

    async def ask() -> tuple[list[Row], Stream | None]:
        device = await connect(options)
        try:
            told = device.information
            what = f"{told.manufacturer} {told.model}, serial: {told.serial or '-'}"
            rows = [
                Row(name, Mark.GOOD, "identity", {"what": what}),
                Row(name, Mark.GOOD, "firmware", {"version": told.firmware}),
            ]
            skew = clock(device.skew.seconds)
            rows.append(Row(name, skew.mark, skew.code, skew.values))
        finally:
            await device.close()
        found, profile = await look_up(options)
        size = f"{getattr(profile, 'width', '?')}x{getattr(profile, 'height', '?')}"
        rows.append(
            Row(name, Mark.GOOD, "profile", {"name": str(getattr(profile, "name", "") or getattr(profile, "token", "")), "size": size})
        )
        return rows, found

    if unreachable := _reach(name, lambda: (options.host, options.port)):
        return unreachable
    try:
        rows, found = asyncio.run(ask())
    except NotAllowed:
        return [Row(name, Mark.BAD, "auth_refused")]
    except DriverError as error:
        return [Row(name, Mark.BAD, "camera_unreachable", {"why": str(error)})]
    except ImportError:
        return [Row(name, Mark.WARN, "no_library", {"extra": "devices"})]
    return [*rows, *(_stream(name, found) if stream and found is not None else [])]


def _stream(name: str, options: Stream) -> list[Row]:
    """Open the stream and watch it for a moment."""
    try:
        import av
    except ImportError:
        return [Row(name, Mark.WARN, "no_library", {"extra": "face"})]
    from drivers.camera.rtsp import open_stream
    from drivers.camera.rtsp_session import WrongPassword

    began = time.monotonic()
    try:
        with open_stream(options) as container:
            video = container.streams.video[0]
            first = None
            seen = 0
            for packet in container.demux(video):
                now = time.monotonic()
                if first is None and packet.is_keyframe:
                    first, began_at = now - began, now
                elif first is not None:
                    seen += packet.size > 0
                    if now - began_at >= MEASURE_S:
                        break
                if first is None and now - began > FIRST_KEYFRAME_S:
                    return [Row(name, Mark.BAD, "no_keyframe", {"seconds": f"{FIRST_KEYFRAME_S:g}"})]
            codec = video.codec_context
            what = {"codec": str(codec.name), "size": f"{codec.width}x{codec.height}"}
    except WrongPassword:
        return [Row(name, Mark.BAD, "auth_refused")]
    except DriverError as error:
        return [Row(name, Mark.BAD, "no_stream", {"why": str(error)})]
    except (av.FFmpegError, OSError) as error:
        return [Row(name, Mark.BAD, "no_stream", {"why": down.why(error)})]
    except IndexError:
        return [Row(name, Mark.BAD, "no_stream", {"why": "no video"})]
    if first is None:
        return [Row(name, Mark.BAD, "no_keyframe", {"seconds": f"{FIRST_KEYFRAME_S:g}"})]
    fps = seen / MEASURE_S
    return [
        Row(name, Mark.GOOD, "codec", what),
        Row(name, Mark.GOOD if first <= SLOW_KEYFRAME_S else Mark.WARN, "first_keyframe", {"seconds": f"{first:.1f}"}),
        Row(name, Mark.GOOD if fps >= FEW_FPS else Mark.WARN, "fps", {"fps": f"{fps:.0f}"}),
    ]


def _frames(name: str, settings: CameraSettings) -> list[Row]:
    """A camera on this machine, or a recording: through its own driver."""
    import drivers.camera

    try:
        camera = drivers.camera.make(settings.driver, settings.options)
    except ImportError:
        return [Row(name, Mark.WARN, "no_library", {"extra": "face"})]
    began = time.monotonic()
    camera.start()
    try:
        first = camera.newest(0, FIRST_KEYFRAME_S)
        if first is None:
            return [Row(name, Mark.BAD, "no_stream", {"why": camera.state().why})]
        waited = time.monotonic() - began
        ends = time.monotonic() + MEASURE_S
        last = first
        while (left := ends - time.monotonic()) > 0 and (frame := camera.newest(last.number, left)) is not None:
            last = frame
        fps = (last.number - first.number) / MEASURE_S
    finally:
        camera.stop()
    return [
        Row(name, Mark.GOOD, "first_keyframe", {"seconds": f"{waited:.1f}"}),
        Row(name, Mark.GOOD if fps >= FEW_FPS else Mark.WARN, "fps", {"fps": f"{fps:.0f}"}),
    ]
