"""PINs as a keyed hash: what is kept on disk or in memory cannot be tried out without this gateway's key."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from pathlib import Path

from edge import durable

log = logging.getLogger(__name__)

KEY_BYTES = 32
"""As long as SHA-256's output: longer adds nothing."""


class PinHash:
    """HMAC-SHA256 under a key of this gateway. Calling it gives the 32 bytes that `Book.pins` and `Book.duress` are keyed by."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._key = key

    def __call__(self, digits: str) -> bytes:
        """The hash of a PIN as typed."""
        return hmac.digest(self._key, b"pin\0" + digits.encode(), "sha256")

    def version(self, content: str) -> str:
        """The roster version (16 hex digits) of a content digest.

        Keyed: versions go out with events, and with all of a roster known but one PIN a bare digest would let that PIN be tried out. So
        versions of two gateways cannot be compared.
        """
        return hmac.digest(self._key, b"version\0" + content.encode(), "sha256").hex()[:16]

    @property
    def key_id(self) -> str:
        """Tells keys apart without telling anything of them."""
        return hashlib.sha256(b"key\0" + self._key).hexdigest()[:16]


def pin_hash(path: Path) -> PinHash:
    """The hash under the key in `path` (0600), which is made on first use.

    A key that can be neither read nor kept is one of this run only: PINs work, and the roster folder is read anew at each start.
    """
    try:
        key = durable.read(path)
        if len(key) == KEY_BYTES:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return PinHash(key)
        durable.put_aside(path)
        log.warning("the PIN key has the wrong length and was put aside; a new one is made")
    except FileNotFoundError:
        pass
    except OSError as fault:
        log.warning("the PIN key cannot be read (%s); using one of this run only", fault.strerror)
        return PinHash(secrets.token_bytes(KEY_BYTES))
    key = secrets.token_bytes(KEY_BYTES)
    try:
        durable.write(path, [key])
    except OSError as fault:
        log.warning("the PIN key cannot be kept (%s); using it for this run only", fault.strerror)
    return PinHash(key)
