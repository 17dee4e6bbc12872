"""The private key of a centre as a file: PEM, PKCS #8, without a password, for its account alone (0600)."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from edge.uplink.signature import written


def make(path: Path) -> str:
    """Write a new private key and give the public one as site.yaml has it. Raises OSError, FileExistsError where something lies there."""
    key = Ed25519PrivateKey.generate()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        out.flush()
        os.fsync(file)
    return written(key.public_key())


def read(path: Path) -> Ed25519PrivateKey:
    """Read a private key. Raises OSError, and ValueError for anything but an Ed25519 key in PEM without a password."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (TypeError, UnsupportedAlgorithm) as fault:
        raise ValueError("not such a key") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("a key of another kind")  # noqa: TRY004 - the file is wrong, not the program
    return key
