"""Which reader, input and lock belongs to which access point and door: the one place where hardware becomes access control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from drivers.orders import Level


@dataclass(frozen=True, slots=True)
class ControllerPlan:
    """What drivers.make is given for one device."""

    name: str
    kind: str
    options: BaseModel
    secured: Mapping[int, Level]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything of site.yaml that a running gate asks for."""

    controllers: Mapping[str, ControllerPlan]
