"""Small secrets on disk, each under a key of its own, so that forgetting one is destroying sixty bytes.

    <name>.key    nonce (12) + AES-256-GCM(master, data key), the purpose and the name authenticated
    <name>.sealed nonce (12) + AES-256-GCM(data key, content), the same authenticated

A sealed file without its key is noise, on this disk, in a backup and in whatever a flash cell remembers: keys are therefore never backed
up, and the wrapped key is useless without the master. A file moved to another name or purpose does not open.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge import durable
from edge.errors import EdgeError

NONCE = 12
MAX_BYTES = 1 << 20  # a template is 3 KB, a crop 64 KB at most
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Unreadable(EdgeError):
    """A sealed file does not open: damaged, moved, or sealed under another master key. It is as good as not there."""


class Vault:
    """Sealed files of one purpose in one folder. One owner writes; reading is safe from any thread."""

    def __init__(self, folder: Path, master: bytes, purpose: str, now: Callable[[], float] = time.time) -> None:
        """`purpose` separates the keys of vaults that share a master."""
        self._folder, self._purpose, self._now = folder, purpose, now
        derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"anyu vault " + purpose.encode()).derive(master)
        self._wrap = AESGCM(derived)

    def put(self, name: str, content: bytes) -> None:
        """Seal `content` under a new key; what was there under this name is forgotten. Raises OSError, ValueError for a bad name."""
        bound = self._bound(name)
        if len(content) > MAX_BYTES:
            raise ValueError(f"{len(content)} bytes, at most {MAX_BYTES} expected")
        key = AESGCM.generate_key(256)
        self.forget(name)
        durable.write(self._path(name, "key"), [_seal(self._wrap, key, bound)])
        durable.write(self._path(name, "sealed"), [_seal(AESGCM(key), content, bound)])

    def get(self, name: str) -> bytes | None:
        """What was sealed; None where there is nothing. Raises Unreadable and OSError."""
        bound = self._bound(name)
        try:
            wrapped, sealed = durable.read(self._path(name, "key")), durable.read(self._path(name, "sealed"))
        except FileNotFoundError:
            return None
        try:
            key = self._wrap.decrypt(wrapped[:NONCE], wrapped[NONCE:], bound)
            return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
        except (InvalidTag, ValueError):
            raise Unreadable(f"a sealed file of {self._purpose} does not open") from None

    def forget(self, name: str) -> bool:
        """Destroy the key, then the file; whether there was one. Raises OSError."""
        self._bound(name)
        key, sealed = self._path(name, "key"), self._path(name, "sealed")
        was = key.exists()
        if was:
            # Overwritten in place first: where the disk keeps to its blocks, not even the wrapped key is left.
            with key.open("r+b") as file:
                file.write(os.urandom(key.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            key.unlink()
        with contextlib.suppress(FileNotFoundError):
            sealed.unlink()
        if was:
            durable.flush_folder(self._folder)
        return was

    def has(self, name: str) -> bool:
        """Whether something is sealed under this name. Raises ValueError for a bad name."""
        self._bound(name)
        return self._path(name, "key").exists()

    def names(self) -> Iterator[str]:
        """All that can be opened, in no order."""
        if self._folder.is_dir():
            for path in self._folder.glob("*.key"):
                yield path.stem

    def expire(self, older_than_s: float, at_most: int) -> int:
        """Forget what is older than this, and the oldest beyond `at_most`; how many went. Raises OSError."""
        aged = sorted((self._path(name, "key").stat().st_mtime, name) for name in self.names())
        due = [name for at, name in aged if self._now() - at > older_than_s]
        due += [name for _, name in aged[len(due) : len(aged) - at_most] if len(aged) - at_most > len(due)]
        for name in due:
            self.forget(name)
        return len(due)

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}.{kind}"

    def _bound(self, name: str) -> bytes:
        if not _NAME.fullmatch(name):
            raise ValueError("a name of letters, digits, - and _ expected")
        return f"{self._purpose}/{name}".encode()


def _seal(cipher: AESGCM, content: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + cipher.encrypt(nonce, content, bound)
