"""Giving up root before a folder of another account is touched: what that account puts there never acts with root's rights."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def give_up_root(folder: Path) -> None:
    """Become, for good, the account that owns `folder`; nothing for whoever is not root, and where root alone owns the whole way to it.

    Called before the first access to a folder that another account may write in; what needs root comes before it. Of a folder that is
    root's inside one of another account, that account counts: it can put another folder in its place.

    Raises:
        OSError: the account cannot be taken on.
    """
    owner = given_up_for(folder)
    if owner is None:
        return
    uid, gid = owner
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        os.setgroups([])
    else:
        gid = account.pw_gid
        os.initgroups(account.pw_name, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)  # capabilities go with it: capabilities(7), "Effect of user ID changes on capabilities"


def given_up_for(folder: Path) -> tuple[int, int] | None:
    """User and group for whom root is to be given up; None for whoever is not root, and where root alone owns the way to `folder`.

    It is the last part of the way that is not root's; links on the way and where they lead are parts of it.
    """
    if os.geteuid() != 0:
        return None
    owner = None
    folder = folder.absolute()
    for way in (folder, Path(os.path.realpath(folder))):  # Path.resolve raises for links in a circle
        for part in (*reversed(way.parents), way):
            try:
                found = part.lstat()
            except FileNotFoundError:
                break
            if found.st_uid != 0:
                owner = found.st_uid, found.st_gid
    return owner
