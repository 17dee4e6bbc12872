"""What the kernel says of a process in /proc/PID/status (proc_pid_status(5)): nothing here is the process's own word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILTERED = 2  # SECCOMP_MODE_FILTER


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One reading. `filters` counts the seccomp filters in force, the inherited ones too; None before Linux 5.9, which does not say."""

    uid: int
    group: int
    groups: frozenset[int]
    no_new_privileges: bool
    seccomp: int
    filters: int | None

    def has_own_filter(self, starter: ProcessStatus) -> bool:
        """Whether it loaded a filter of its own beyond those of whoever started it. Filters are inherited and never removed."""
        if self.seccomp != FILTERED:
            return False
        if starter.seccomp != FILTERED:
            return True
        return self.filters is not None and starter.filters is not None and self.filters > starter.filters


def read(pid: int | str = "self") -> ProcessStatus:
    """The status of a process. Raises OSError where it is gone or hidden (ProtectProc=), ValueError where the text is of another shape."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    said: Mapping[str, str] = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    try:
        # real, effective, saved, file system: a process with several is taken for the one that may most
        uids, gids = [int(n) for n in said["Uid"].split()], [int(n) for n in said["Gid"].split()]
        return ProcessStatus(
            uid=min(uids),
            group=gids[0],
            groups=frozenset(gids) | frozenset({int(n) for n in said["Groups"].split()}),
            no_new_privileges=said["NoNewPrivs"].strip() == "1",
            seccomp=int(said["Seccomp"]),
            filters=int(said["Seccomp_filters"]) if "Seccomp_filters" in said else None,
        )
    except KeyError as why:
        raise ValueError(f"no {why} in /proc/PID/status") from None
