"""A recording played as a camera (the `clip` camera), at its own speed and again from the start: for the demo, tests and reproductions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from drivers.camera.stream import StreamCamera


class Options(BaseModel):
    """`path` names a file FFmpeg reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(max_length=4096)


def make(options: Options) -> StreamCamera:
    """A clip camera, not started. Raises ImportError without FFmpeg (the extra `face`)."""
    import av

    from drivers.camera.stream import StreamCamera

    # Local files only: a playlist inside a clip must not make FFmpeg fetch anything.
    settings = {"protocol_whitelist": "file"}
    return StreamCamera(Path(options.path).name, lambda: av.open(options.path, options=settings), paced=True)
