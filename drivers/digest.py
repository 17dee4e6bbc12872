"""Signing in over HTTP or RTSP: the strongest way that a device offers, and the answer to it (RFC 2617, 7616). Pure."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass

from drivers.errors import Refused

MAX_HEADER = 2048  # characters of a challenge that are looked at; cameras send 200
_WORDS = re.compile(r'(?<!\w)(\w{1,32})\s{0,8}=\s{0,8}(?:"([^"\\\n]*)"|([^\s,"]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Challenge:
    """How a camera wants to be shown the password: by digest (RFC 2617, 7616), or in the clear."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    algorithm: str = "MD5"
    opaque: str | None = None
    qop: str = ""  # auth; auth-int, where nothing else is offered, signs what is sent as well
    stale: bool = False


def challenge(header: str, *, basic: bool) -> Challenge:
    """The strongest way that a WWW-Authenticate header offers. Raises Refused where that is Basic and `basic` does not allow it.

    Basic gives the password itself to whoever answers in the camera's stead.
    """
    parts = re.split(r"(?i)(?:^|,\s{0,8}|\n)(?=(?:digest|basic)\s)", header[:MAX_HEADER])
    offers = [offer for part in parts if (offer := _offer(part))]
    digests = sorted((offer for offer in offers if offer.scheme == "digest"), key=lambda one: one.algorithm == "SHA-256")
    if digests:
        return digests[-1]
    if not any(offer.scheme == "basic" for offer in offers):
        raise Refused("no way to sign in")
    if not basic:
        raise Refused("wants the password in the clear")
    return Challenge("basic")


def _offer(part: str) -> Challenge | None:
    scheme, _, rest = part.strip().partition(" ")
    if scheme.lower() == "basic":
        return Challenge("basic")
    if scheme.lower() != "digest":
        return None
    said = {name.lower(): quoted or plain for name, quoted, plain in _WORDS.findall(rest)}
    algorithm = said.get("algorithm", "MD5").upper()
    qops = re.split(r"[\s,]+", said.get("qop", "").lower())
    qop = next((known for known in ("auth", "auth-int", "") if known in qops), None)
    if algorithm not in _HASHES or "nonce" not in said or qop is None:
        return None
    stale = said.get("stale", "").lower() == "true"
    return Challenge("digest", said.get("realm", ""), said["nonce"], algorithm, said.get("opaque"), qop, stale)


def authorization(asked: Challenge, username: str, password: str, method: str, uri: str, count: int, cnonce: str, body: bytes = b"") -> str:
    """The Authorization header. `count` is how often this nonce was used, from 1; `cnonce` is of our own making; `body` is what is sent."""
    if asked.scheme == "basic":
        return "Basic " + b64encode(f"{username}:{password}".encode()).decode()

    def hashed(*parts: str) -> str:
        return _HASHES[asked.algorithm](":".join(parts).encode()).hexdigest()

    whole = (_HASHES[asked.algorithm](body).hexdigest(),) if asked.qop == "auth-int" else ()
    who, what = hashed(username, asked.realm, password), hashed(method, uri, *whole)
    used = f"{count:08x}"
    proof = hashed(who, asked.nonce, used, cnonce, asked.qop, what) if asked.qop else hashed(who, asked.nonce, what)
    name = username.replace("\\", "\\\\").replace('"', '\\"')
    said = [f'username="{name}"', f'realm="{asked.realm}"', f'nonce="{asked.nonce}"', f'uri="{uri}"', f'response="{proof}"']
    said.append(f"algorithm={asked.algorithm}")
    if asked.qop:
        said += [f"qop={asked.qop}", f"nc={used}", f'cnonce="{cnonce}"']
    if asked.opaque is not None:
        said.append(f'opaque="{asked.opaque}"')
    return "Digest " + ", ".join(said)
