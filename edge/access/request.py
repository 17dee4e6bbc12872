"""What somebody presents at an access point. A card number or PIN hash never appears in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.access.terms import Card, Method


@dataclass(frozen=True, slots=True)
class CardShown:
    """A card that was read."""

    card: Card
    method = Method.CARD


@dataclass(frozen=True, slots=True)
class CodeShown:
    """A QR code, as the card that terms.code_card makes of it."""

    card: Card
    method = Method.QR


@dataclass(frozen=True, slots=True)
class CardUnreadable:
    """Something was presented and gave no number: perhaps a card of another make, perhaps noise on the wire."""

    method = Method.CARD


@dataclass(frozen=True, slots=True)
class PinShown:
    """A PIN as the keyed hash that the book is keyed by; the digits go no further than the gate."""

    hashed: bytes = field(repr=False)
    method = Method.PIN


@dataclass(frozen=True, slots=True)
class FaceShown:
    """A face that enough frames took for this tenant. `alone`: what the calibration promises is enough for a face by itself to open."""

    ref: str
    alone: bool
    method = Method.FACE


Credential = CardShown | CodeShown | CardUnreadable | PinShown | FaceShown


@dataclass(frozen=True, slots=True)
class Request:
    """May whoever presents this pass here?"""

    access_point: str
    credential: Credential
