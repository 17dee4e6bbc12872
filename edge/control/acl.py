"""Access for several groups to one file: POSIX access control lists, as <linux/posix_acl_xattr.h> writes them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path

_NAME = "system.posix_acl_access"
_HEAD = struct.Struct("<I")  # the version, 2
_ENTRY = struct.Struct("<HHI")  # tag, permissions, id
_OWNER, _OWN_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def let_groups(path: Path, groups: Iterable[int], allowed: int) -> None:
    """Give each group `allowed` (0..7) beside what the mode gives. Raises OSError: not the owner, or no lists here."""
    mode = path.stat().st_mode
    own = mode >> 3 & 7
    entries = [(_OWNER, mode >> 6 & 7, _NO_ID), (_OWN_GROUP, own, _NO_ID)]
    entries += [(_GROUP, allowed, group) for group in sorted(groups)]
    entries += [(_MASK, own | allowed, _NO_ID), (_OTHERS, mode & 7, _NO_ID)]
    os.setxattr(path, _NAME, _HEAD.pack(2) + b"".join(_ENTRY.pack(*entry) for entry in entries))
