"""The cameras' and recognition's part of site.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, SerializeAsAny, field_validator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

import drivers.camera

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Ratio = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Ratio, Ratio]


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraSettings(_Piece):
    """One camera: `driver` names a kind of drivers.camera, keys not listed here are that driver's options.

    `area` is a polygon in parts of the picture (0..1): nothing outside it is analysed. `location: room` is refused: a camera in a bedroom
    is against the law whatever it is for. With `card_first` no face is embedded before somebody had ten seconds to present a card.
    """

    driver: str
    options: SerializeAsAny[BaseModel]
    access_points: tuple[Name, ...] = ()
    location: Literal["gate", "entrance", "corridor", "outdoors"] = "gate"
    area: tuple[Point, ...] = Field(default=(), max_length=32)
    card_first: bool = False
    direction: Literal["in", "out"] = "in"
    """Which way people walk who come towards this camera; only asked where it watches no access point."""
    label: str = ""

    def secrets(self) -> dict[str, object]:
        """The driver's options with its password in the clear: for the worker's stdin and nothing else."""
        revealed = self.options.model_dump(mode="python")
        return {key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in revealed.items()}

    @model_validator(mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        """Take the driver's own options out of the flat mapping."""
        if not isinstance(given, Mapping) or isinstance(given.get("options"), BaseModel):
            return given
        kind = given.get("driver")
        own = {key: value for key, value in given.items() if key in cls.model_fields and key != "options"}
        if not isinstance(kind, str) or kind not in drivers.camera.KINDS:
            return {**own, "options": _Piece()}
        rest = {key: value for key, value in given.items() if key not in own}
        return {**own, "options": drivers.camera.options(kind).model_validate(rest)}

    @field_validator("driver")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in drivers.camera.KINDS:
            raise PydanticKnownError("literal_error", {"expected": " or ".join(repr(k) for k in sorted(drivers.camera.KINDS))})
        return kind

    @field_validator("location", mode="before")
    @classmethod
    def _nobodys_room(cls, where: object) -> object:
        if where in {"room", "dormitory", "bathroom"}:
            raise PydanticCustomError("private_room", "a camera in a private room is not allowed", {"expected": ["gate", "entrance"]})
        return where

    @model_validator(mode="after")
    def _an_area(self) -> Self:
        if self.area and len(self.area) < 3:
            raise PydanticCustomError("polygon", "an area needs three points or more", {"expected": ["[[0,0],[1,0],[1,1]]"]})
        return self


class RecognitionSettings(_Piece):
    """How faces are judged.

    `false_positive_rate` is the rate at which a stranger may be taken for somebody in the gallery; the threshold follows from it and from
    the roster. A face counts after `agree` of the last `of` frames of a track said the same.
    """

    engine: Literal["standard", "dlib", "none"] = "standard"
    runtime: Literal["auto", "openvino", "opencv"] = "auto"
    false_positive_rate: float = Field(0.001, ge=0.0001, le=0.05)
    agree: int = Field(3, ge=1, le=10)
    of: int = Field(5, ge=1, le=20)
    liveness: Literal["off", "score", "veto"] = "score"
    worker: Literal["auto", "unit", "spawned"] = "auto"
    """Where cameras are looked at: in anyu-edge-vision.service or in a child under the daemon's own account; *auto*: in the service if it
    runs."""
    require_sandbox: bool = True
    """Faces are off while the process that parses video is not confined (edge/vision/confinement.py); cards go on."""
    accept_spawned: bool = False
    """Accept a child under the daemon's own account although a real lock is driven here."""
    face_alone: Literal["auto", "always", "never"] = "auto"
    """Whether a face by itself may open a door: `auto` only where liveness vetoes and its weights are there, `always` also without, so that
    a print of a tenant opens. The calibration and the budget of strangers hold in both."""
    notice: str = Field("1", max_length=32)
    """The version of the notice that residents are shown before they consent; it is kept with their act."""
    evidence: Literal["none", "uncertain", "all"] = "none"
    """Whose pictures are kept for seven days, encrypted: nobody's, of people between known and unknown, or of all whom nobody knows."""

    @property
    def prints_open(self) -> bool:
        """Whether a print of a tenant's face opens a door: a face alone may, and nothing asks whether it lives."""
        return self.face_alone == "always" and self.liveness != "veto"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.agree > self.of:
            raise PydanticCustomError("agree_of", "agree cannot be more than of", {"expected": [str(self.of)]})
        return self
