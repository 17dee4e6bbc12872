"""Who said an acknowledgement: Ed25519 (RFC 8032) over canonical JSON (RFC 8785).

The bytes that are signed are one JSON object in UTF-8: every member of the acknowledgement as it is sent but `sig`, and beside them `site`,
`gateway` and `consumer` of its topic. Keys are sorted, there are no spaces, text is escaped as RFC 8785 section 3.2.2.2 says, numbers are
whole and within +-(2^53-1); a `seq` beyond that is sent as text. `sig` is base64 (RFC 4648 section 4, padded) of the 64 bytes. So with

    {"at":"2026-11-26T08:00:00.000Z","credit":20,"epoch":"5f1c","seq":7,"sig":"..."}    on anyu/v1/anting_01/gw1/ack/centre

what is signed is

    {"at":"2026-11-26T08:00:00.000Z","consumer":"centre","credit":20,"epoch":"5f1c","gateway":"gw1","seq":7,"site":"anting_01"}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MOST_WHOLE = 2**53 - 1
"""Beyond it two JSON libraries may read two numbers (RFC 8785 section 3.2.2.3)."""
DEEPEST = 8
"""Levels of a signed object: an acknowledgement has one, and additions of later versions have room."""


class NotCanonical(ValueError):
    """There is no one way to write this value: a fraction, a number too large, a broken character, a key twice, too many levels."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose acknowledgement it is, and for which gateway: the names in its topic."""

    site: str
    gateway: str
    consumer: str

    def signed(self, fields: Mapping[str, object]) -> bytes:
        """The bytes that are signed. Raises NotCanonical."""
        body = {key: value for key, value in fields.items() if key != "sig"}
        return canonical(body | {"site": self.site, "gateway": self.gateway, "consumer": self.consumer})


def canonical(value: object) -> bytes:
    """JSON as RFC 8785 writes it, for values without fractions. Raises NotCanonical."""
    try:
        return _write(value, 0).encode()
    except UnicodeEncodeError:
        raise NotCanonical("half a character") from None


def parse(payload: bytes) -> dict[str, object]:
    """A JSON object in which no key stands twice. Raises NotCanonical."""
    try:
        fields = json.loads(payload, object_pairs_hook=_once)
    except (ValueError, RecursionError) as fault:
        raise NotCanonical("not JSON" if not isinstance(fault, NotCanonical) else str(fault)) from None
    if not isinstance(fields, dict):
        raise NotCanonical("not an object")
    return fields


def sign(key: Ed25519PrivateKey, speaker: Speaker, fields: Mapping[str, object]) -> str:
    """`sig` for these fields. Raises NotCanonical."""
    return base64.b64encode(key.sign(speaker.signed(fields))).decode()


def signer(keys: Sequence[Ed25519PublicKey], speaker: Speaker, fields: Mapping[str, object]) -> Ed25519PublicKey | None:
    """Which of the keys made `sig`; None when none of them did. Raises NotCanonical."""
    try:
        sig = base64.b64decode(str(fields.get("sig", "")), validate=True)
    except (binascii.Error, ValueError):
        return None
    signed = speaker.signed(fields)
    for key in keys:
        try:
            key.verify(sig, signed)
        except InvalidSignature:
            continue
        return key
    return None


def public_key(text: str) -> Ed25519PublicKey:
    """A key as site.yaml has it: base64 of its 32 bytes. Raises ValueError."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) != 32:
        raise ValueError("an Ed25519 public key has 32 bytes")
    return Ed25519PublicKey.from_public_bytes(raw)


def written(key: Ed25519PublicKey) -> str:
    """A key as site.yaml has it."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def short_name(key: Ed25519PublicKey) -> str:
    """Sixteen hexadecimal digits that tell a key from every other of a site."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _write(value: object, depth: int) -> str:
    if depth > DEEPEST:
        raise NotCanonical("too many levels")
    if value is None or isinstance(value, bool | str):
        # json writes text, true, false and null exactly as RFC 8785 does
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > MOST_WHOLE:
            raise NotCanonical("a number beyond 2^53: send it as text")
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(_write(each, depth + 1) for each in value)}]"
    if isinstance(value, Mapping):
        # by UTF-16 code units (RFC 8785 section 3.2.3)
        keys = sorted(value, key=lambda key: str(key).encode("utf-16-be", "surrogatepass"))
        return f"{{{','.join(f'{_write(str(key), depth)}:{_write(value[key], depth + 1)}' for key in keys)}}}"
    raise NotCanonical("a fraction")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise NotCanonical("a key stands twice")
    return dict(pairs)
