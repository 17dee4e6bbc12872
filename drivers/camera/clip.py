"""A recording played as a camera (the `clip` camera), at its own speed and again from the start: for the demo, tests and reproductions."""

from __future__ import annotations

from pathlib import Path

import av
from pydantic import BaseModel, ConfigDict, Field

from drivers.camera.stream import StreamCamera


class Options(BaseModel):
    """`path` names a file FFmpeg reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(max_length=4096)


def make(options: Options) -> StreamCamera:
    """A clip camera, not started."""
    # Local files only: a playlist inside a clip must not make FFmpeg fetch anything.
    settings = {"protocol_whitelist": "file"}
    return StreamCamera(Path(options.path).name, lambda: av.open(options.path, options=settings), paced=True)
