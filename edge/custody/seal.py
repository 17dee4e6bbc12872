"""Whole files under a key of their purpose: MAGIC, nonce (12), AES-256-GCM(key, content), purpose and name authenticated.

For files that are replaced whole and must survive a cut (edge/durable.py). What must be destroyed for good has a key of its own: vault.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge import durable
from edge.custody.vault import NONCE, Unreadable

MAGIC = b"anyu sealed 1\n"


class Seal:
    """Closes and opens the content of files of one purpose. Safe from any thread."""

    def __init__(self, master: bytes, purpose: str) -> None:
        self._purpose = purpose
        derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"anyu seal " + purpose.encode()).derive(master)
        self._cipher = AESGCM(derived)

    def close(self, name: str, content: bytes) -> bytes:
        """The sealed content of the file `name`."""
        nonce = os.urandom(NONCE)
        return MAGIC + nonce + self._cipher.encrypt(nonce, content, self._bound(name))

    def open(self, name: str, sealed: bytes) -> bytes:
        """The content again. Raises Unreadable for anything that was not sealed under this key and name."""
        nonce, content = sealed[len(MAGIC) : len(MAGIC) + NONCE], sealed[len(MAGIC) + NONCE :]
        try:
            return self._cipher.decrypt(nonce, content, self._bound(name))
        except (InvalidTag, ValueError):
            raise Unreadable(f"a sealed file of {self._purpose} does not open") from None

    def _bound(self, name: str) -> bytes:
        return f"{self._purpose}/{name}".encode()


def is_sealed(content: bytes) -> bool:
    """Whether this is the content of a sealed file."""
    return content.startswith(MAGIC)


def lies_sealed(path: Path) -> bool:
    """Whether this file is sealed, by its beginning. Raises OSError."""
    with open(path, "rb", opener=durable.no_link) as file:
        return is_sealed(file.read(len(MAGIC)))
