"""Templates at rest: one sealed file a tenancy, opened only into memory.

| u16 header bytes | header (JSON) | photos x dimensions float32 |
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite

import numpy as np

from edge.custody.vault import Unreadable, Vault
from edge.roster.faces.consent import Act
from edge.roster.gallery import PHOTOS
from models.contract import Embedding
from models.spaces import CARDS

_LENGTH = struct.Struct("<H")
_SPACES = {str(space): space for space in CARDS}


@dataclass(frozen=True, slots=True)
class Template:
    """One tenant's face: up to five photos' embeddings in one space, the act that allows it, and what guards learned about it.

    `extra` is how much more is asked of this tenant since a guard said "not this person" of the decisions `doubted`; `renew` that a new
    enrolment is wanted for it. `looked` is the newest change to the tenant's photos that was looked at (seconds since 1970). `forgotten` is
    how often the tenant had been forgotten before: where that is another number now, this is a copy of a template that was destroyed.
    `paper` is the consent_ref that allowed it; empty where an act did, and in a template of version 0.1.0.
    """

    ref: str
    photos: tuple[Embedding, ...] = field(repr=False)
    enrolled: datetime
    act: Act | None = None
    extra: float = 0.0
    renew: bool = False
    doubted: tuple[str, ...] = ()
    looked: float = float("-inf")
    forgotten: int = 0
    paper: str = field(default="", repr=False)


class Templates:
    """The sealed templates of this gateway."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def save(self, template: Template) -> None:
        """Seal a template in place of the one before. Raises OSError, ValueError for no photo or too many."""
        if not 1 <= len(template.photos) <= PHOTOS:
            raise ValueError(f"{len(template.photos)} photos, 1 to {PHOTOS} expected")
        act = template.act
        header = {
            "space": str(template.photos[0].space),
            "photos": len(template.photos),
            "enrolled": template.enrolled.isoformat(),
            "act": None if act is None else [act.access_point, act.at.isoformat(), act.notice],
            "extra": template.extra,
            "renew": template.renew,
            "doubted": template.doubted,
            "looked": template.looked if isfinite(template.looked) else None,
            "forgotten": template.forgotten,
            "paper": template.paper,
        }
        head = json.dumps(header).encode()
        rows = b"".join(photo.vector.astype("<f4").tobytes() for photo in template.photos)
        self._vault.put(template.ref, _LENGTH.pack(len(head)) + head + rows)

    def load(self, ref: str) -> Template | None:
        """A tenant's template; None where there is none or it is of a space this version does not know. Raises Unreadable, OSError."""
        content = self._vault.get(ref)
        if content is None:
            return None
        try:
            return _unpack(ref, content)
        except (ValueError, KeyError, TypeError, struct.error) as why:
            raise Unreadable("a template is not what was written") from why

    def forget(self, ref: str) -> bool:
        """Destroy a template; whether there was one. Raises OSError."""
        return self._vault.forget(ref)

    def has(self, ref: str) -> bool:
        """Whether there is one, whether or not it opens."""
        return self._vault.has(ref)

    def refs(self) -> Iterator[str]:
        """Everybody who has one."""
        return self._vault.names()


def _unpack(ref: str, content: bytes) -> Template | None:
    (length,) = _LENGTH.unpack_from(content)
    header = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    space = _SPACES.get(header["space"])
    if space is None:
        return None
    rows = np.frombuffer(content[_LENGTH.size + length :], "<f4").reshape(header["photos"], space.dimensions)
    act = header["act"]
    return Template(
        ref,
        tuple(Embedding.of(space, row) for row in rows),
        datetime.fromisoformat(header["enrolled"]),
        None if act is None else Act(act[0], datetime.fromisoformat(act[1]), act[2]),
        float(header["extra"]),
        bool(header["renew"]),
        tuple(map(str, header.get("doubted", ()))),
        float("-inf") if header.get("looked") is None else float(header["looked"]),
        int(header.get("forgotten", 0)),
        str(header.get("paper", "")),
    )
