"""What passes between the daemon and its vision worker: a pipe that hostile video could write on, so it is narrow and bounded.

A message is one frame on a pipe; numbers are little endian:

    | u32 header bytes | u32 vector bytes | u32 crop bytes | header (JSON) | vector (float32) | crop (JPEG) |

Garbled here means: the worker is broken or taken over; the reader ends it and starts another. Nothing is skipped or guessed.
"""

from __future__ import annotations

import struct
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from drivers.camera.down import Down
from edge.vision.confine import Missing
from models.spaces import CARDS

Vector = NDArray[np.float32]

MAX_HEADER = 4096  # a Started with sixteen cameras is 2 KB
MAX_VECTOR = 4 * 1024  # 1024 dimensions, twice the widest engine known
MAX_CROP = 64 * 1024  # 256 x 256 JPEG at quality 90 is 30 KB
PREFIX = struct.Struct("<III")

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]

# No free text: a face would fit into it, and from here words go to the broker, the journal and terminals.
Poor = Literal["too_small", "cut_off", "turned", "tilted", "unsure", "too_dark", "too_bright", "flat", "blurred"]
"""As models.quality.Poor, which cannot be imported without OpenCV."""
_SPACES = frozenset(str(space) for space in CARDS)


def _known_space(space: str) -> str:
    if space and space not in _SPACES:
        msg = "unknown space"
        raise ValueError(msg)
    return space


Space = Annotated[str, Field(pattern=r"^[a-z0-9_./-]{1,64}$")]  # compared with the gallery's and never told
KnownSpace = Annotated[str, AfterValidator(_known_space)]


class Garbled(Exception):
    """Bytes that are no message: end the worker and start another."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Sighting(_Message):
    """The best faces of one track so far. `at` is time.monotonic(), which both processes share.

    `box` is left, top, width, height as parts of the frame; `quality` 0..1; `space` names the embedding's space and version, empty where
    nothing was embedded. The vector and the crop travel beside the header.
    """

    kind: Literal["sighting"] = "sighting"
    camera: Name
    track: Count
    at: Seconds
    began: Seconds
    box: tuple[Ratio, Ratio, Ratio, Ratio]
    frames: Count
    quality: Ratio
    poor: Annotated[tuple[Poor, ...], Field(max_length=8)] = ()
    liveness: Ratio | None = None
    space: Space | Literal[""] = ""


class Ended(_Message):
    """A track left the view; `frames` tells a passer-by from somebody who stood there, `box` is where it was seen last."""

    kind: Literal["ended"] = "ended"
    camera: Name
    track: Count
    at: Seconds
    began: Seconds
    frames: Count
    box: tuple[Ratio, Ratio, Ratio, Ratio] | None = None


class CameraSaid(_Message):
    """A camera went down or came back. `why` never holds a URL."""

    kind: Literal["camera"] = "camera"
    camera: Name
    up: bool
    why: Down | Literal[""] = ""


class Started(_Message):
    """The first message and the only one of its kind: the worker is confined and has not looked at anything yet.

    So the worker's own code said it, not a camera's picture. `missing` names what this kernel could not confine; `address_rules`:
    packets to an address that is no camera's are refused (IPAddressDeny= of the unit).
    """

    kind: Literal["started"] = "started"
    engine: Literal["standard", "dlib"]
    runtime: Literal["openvino", "opencv"]
    space: KnownSpace
    missing: Annotated[tuple[Missing, ...], Field(max_length=32)] = ()
    address_rules: bool = False


class Beat(_Message):
    """Once a second: every camera's loop went round. `rss_mb` is resident memory."""

    kind: Literal["beat"] = "beat"
    frames: Count
    faces: Count
    rss_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)]


Header = Annotated[Sighting | Ended | CameraSaid | Started | Beat, Field(discriminator="kind")]
_HEADERS: TypeAdapter[Sighting | Ended | CameraSaid | Started | Beat] = TypeAdapter(Header)


class Message(BaseModel):
    """A header with what travels beside it: `vector` (float32, unit length; only with a Sighting) and `crop` (JPEG, or empty)."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    header: Sighting | Ended | CameraSaid | Started | Beat
    vector: Vector | None = Field(default=None, repr=False)
    crop: bytes = Field(default=b"", repr=False)

    def encode(self) -> bytes:
        """The message as one frame."""
        header = self.header.model_dump_json().encode()
        vector = b"" if self.vector is None else self.vector.astype("<f4").tobytes()
        return PREFIX.pack(len(header), len(vector), len(self.crop)) + header + vector + self.crop

    @classmethod
    def decode(cls, prefix: bytes, rest: bytes) -> Self:
        """The message of a 12-byte prefix and what followed it. Raises Garbled."""
        head, vec, crop = lengths(prefix)
        if len(rest) != head + vec + crop:
            msg = "length"
            raise Garbled(msg)
        try:
            header = _HEADERS.validate_json(rest[:head])
        except ValidationError:
            msg = "header"
            raise Garbled(msg) from None  # the cause would quote what the worker wrote
        if (vec or crop) and not isinstance(header, Sighting):
            msg = "payload without a face"
            raise Garbled(msg)
        return cls(header=header, vector=_vector(header, rest[head : head + vec]), crop=_jpeg(rest[head + vec :]))


def lengths(prefix: bytes) -> tuple[int, int, int]:
    """Header, vector and crop bytes announced by a prefix; raises Garbled beyond the bounds, before anything is read."""
    if len(prefix) != PREFIX.size:
        msg = "prefix"
        raise Garbled(msg)
    head, vec, crop = PREFIX.unpack(prefix)
    if not 0 < head <= MAX_HEADER or vec > MAX_VECTOR or vec % 4 or crop > MAX_CROP:
        msg = "bounds"
        raise Garbled(msg)
    return head, vec, crop


def _vector(header: object, data: bytes) -> Vector | None:
    space = header.space if isinstance(header, Sighting) else ""
    if bool(space) != bool(data):
        msg = "vector without a space"
        raise Garbled(msg)
    if not data:
        return None
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    # A vector of another length would win every cosine comparison.
    if not np.isfinite(vector).all() or abs(float(np.linalg.norm(vector)) - 1) > 1e-3:
        msg = "vector"
        raise Garbled(msg)
    return vector


def _jpeg(data: bytes) -> bytes:
    if data and not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        msg = "crop"
        raise Garbled(msg)
    return data
