"""Who may give which command: roles, by the system groups of the account that asks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from edge.control.peer import Actor, group_ids
from edge.settings import Role

GUARD: Role = "guard"
MANAGER: Role = "manager"
INSTALLER: Role = "installer"
INSPECTOR: Role = "inspector"
EVERY = frozenset({GUARD, MANAGER, INSTALLER, INSPECTOR})
LIVE = "simulate_live"  # the right to let a simulated reading open a real lock: no verb, a way of giving one

RIGHTS: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "ping": EVERY,
        "status": EVERY,
        "events": EVERY,
        "why": EVERY,
        "waits": frozenset({GUARD, INSTALLER}),
        "who_may": frozenset({GUARD, MANAGER}),
        "unlock": frozenset({GUARD, INSTALLER}),  # `doctor --pulse` tries a lock, with the reason `service`
        "lock_down": frozenset({GUARD}),
        "release": frozenset({GUARD}),
        "not_this_person": frozenset({GUARD}),
        "roster_diff": frozenset({MANAGER}),
        "roster_apply": frozenset({MANAGER}),
        "roster_rollback": frozenset({MANAGER}),
        "roster_export": frozenset({MANAGER}),
        "enrol_ask": frozenset({MANAGER}),
        "enrol": frozenset({MANAGER}),
        "forget_ask": frozenset({MANAGER}),
        "forget": frozenset({MANAGER}),
        "calibrate": frozenset({MANAGER}),
        "simulate": frozenset({INSTALLER}),
        LIVE: frozenset({INSTALLER}),
        "examine": frozenset({INSTALLER}),
        "readings": frozenset({INSTALLER}),
        "verify": frozenset({INSPECTOR}),
    }
)
"""Every verb has a row. Root and the daemon's own account may give them all."""


def right_of(verb: str, args: Mapping[str, object]) -> str:
    """The row that a command needs."""
    return LIVE if verb == "simulate" and args.get("live") else verb


class Roles:
    """The roles of accounts. Made when the server starts: a group that is created later counts from the next start."""

    def __init__(self, members: Mapping[Role, Iterable[str]]) -> None:
        """`members` has the names of the groups of each role."""
        self.names = {role: tuple(groups) for role, groups in members.items()}
        self._ids = {role: group_ids(groups) for role, groups in self.names.items()}

    @property
    def groups(self) -> frozenset[int]:
        """Every group that has a role."""
        return frozenset().union(*self._ids.values())

    def of(self, actor: Actor) -> frozenset[Role]:
        """The roles of this account; who is in two groups has both."""
        if actor.uid in {0, os.geteuid()}:
            return EVERY
        return frozenset(role for role, groups in self._ids.items() if not groups.isdisjoint(actor.groups))

    def kind(self, actor: Actor, right: str) -> str | None:
        """As what this account may use the right, for the record; None if it may not. A right without a row is nobody's."""
        if actor.uid == 0:
            return "root"
        if actor.uid == os.geteuid():
            return "service"
        return min(self.of(actor) & RIGHTS.get(right, frozenset()), default=None)

    def who(self, right: str) -> str:
        """Who may, for people: `manager (anyu-manager)`."""
        rows = sorted(RIGHTS.get(right, frozenset()))
        return ", ".join(f"{role} ({' '.join(self.names.get(role, ()))})" for role in rows)
