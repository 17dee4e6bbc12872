"""Is the vision worker confined? Judged by the daemon from what the kernel says of the worker's process.

Proven by the kernel: its account and groups, that it cannot gain privileges, that a seccomp filter of its own is in force. The kernel tells
nobody whether Landlock or a unit's address rules hold another process; for these the worker's first message counts, which its own code
writes after it confined itself and before it looks at a picture (edge/vision/worker.py), and which no later message may repeat
(edge/vision/keeper.py).
"""

from __future__ import annotations

import grp
from dataclasses import dataclass

from edge.vision import process_status
from edge.vision.link import uid_of
from edge.vision.sighting import Started

HARMLESS_GROUPS = ("video",)  # USB cameras; the only group that the unit gives it
_OWN_NAMES = {
    "spawned": "vision.spawned",
    "not_seen": "vision.not_seen",
    "may_gain_privileges": "vision.may_gain_privileges",
    "privileged_group": "vision.privileged_group",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a worker's sandbox lacks. *whole* is enough to look; what a newer kernel could add is missing and yet no reason to be blind."""

    missing: tuple[str, ...] = ()
    whole: bool = True

    def words(self) -> tuple[str, ...]:
        """The words for `degraded`: each from a fixed list."""
        singles = (_OWN_NAMES.get(what, f"vision.no_{what}") for what in self.missing)
        return (*(() if self.whole else ("vision.not_confined",)), *singles)


NOT_SEEN = Finding(("not_seen",), whole=False)


def inspect(pid: int, started: Started, *, starter: int | None, account: str) -> Finding:
    """Judge the process `pid` that said `started`. `starter` is the unit's process that started it, None where we did ourselves.

    A child has our own account and groups and cannot give them up: that is what `spawned` means, and only site.yaml can accept it.
    """
    try:
        worker = process_status.read(pid)
        parent = process_status.read("self" if starter is None else starter)
    except (OSError, ValueError):
        return NOT_SEEN
    lacks = []
    if not worker.no_new_privileges:
        lacks.append("may_gain_privileges")
    if not worker.has_own_filter(parent):
        lacks.append("seccomp")
    if starter is not None:
        if worker.uid in {0, process_status.read().uid} or worker.uid != uid_of(account):
            lacks.append("own_account")
        if worker.groups - {worker.group} - _harmless():
            lacks.append("privileged_group")
        if not started.address_rules:
            lacks.append("address_rules")
    said = tuple(word for word in started.missing if word not in lacks)
    whole = not lacks and "landlock" not in said
    return Finding((*(("spawned",) if starter is None else ()), *lacks, *said), whole)


def _harmless() -> set[int]:
    return {group.gr_gid for group in grp.getgrall() if group.gr_name in HARMLESS_GROUPS}
