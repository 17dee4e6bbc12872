"""A USB camera on Video4Linux (the `usb` camera): a webcam at a small site or on an engineer's desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from drivers.camera.stream import StreamCamera


class Options(BaseModel):
    """`device` is a by-id path where there is one: /dev/videoN changes with the order of plugging in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(default="/dev/video0", pattern=r"^/dev/", max_length=4096)
    width: int = Field(default=1280, ge=320, le=3840)
    height: int = Field(default=720, ge=240, le=2160)
    fps: int = Field(default=15, ge=1, le=60)


def make(options: Options) -> StreamCamera:
    """A USB camera, not started. Raises ImportError without FFmpeg (the extra `face`)."""
    import av

    from drivers.camera.stream import StreamCamera

    settings = {"video_size": f"{options.width}x{options.height}", "framerate": str(options.fps)}
    return StreamCamera("usb", lambda: av.open(options.device, format="v4l2", options=settings))
