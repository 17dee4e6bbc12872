"""How the journal is, for `health` and for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.journal.ballast import Load
from edge.journal.desk import Desk
from edge.journal.faults import Fault
from edge.journal.record import ALG

STUCK_S = 5.0
"""Seconds at one write after which the disk is called stuck: a thousand times an ordinary commit."""


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """`why` is empty when all is well, else machine words, the gravest first.

    disk_full, read_only, io_error, locked, corrupt, newer_schema (events wait in memory) · stuck · writer_stopped ·
    facts_unknown (modes, open alarms and visits of before the start could not be read yet, or are gone with their database) ·
    events_lost (not written down yet) · ballast (given up, or no room for it) · set_aside (damaged databases lie in the folder) ·
    filling (full within FILLING_DAYS).
    `days_left`: days to a full disk at the journal's own growth, only while a consumer has lacked events for a day; else None.
    `oldest` and `head` are numbers of `epoch`, `chain_head` hexadecimal; `waiting` and `waiting_bound` count events in memory.
    """

    state: Literal["ok", "degraded"]
    why: tuple[str, ...]
    epoch: str
    head: int
    oldest: int
    chain_head: str
    alg: str
    waiting: int
    waiting_bound: int
    lost: int
    disk_free: int
    aside: tuple[str, ...]
    days_left: int | None = None


FILLING_DAYS = 30
"""Days to a full disk below which it is said: somebody must find out why a centre does not acknowledge, or bring a larger disk."""


def judge(desk: Desk, *, writing: bool) -> JournalHealth:
    """Look at the desk; no disk is touched."""
    shown, condition, lost = desk.shown, desk.condition, desk.lost()
    fault = condition.fault or (Fault.STUCK if desk.busy_s() > STUCK_S else None)
    why: list[str] = [fault.value] if fault else []
    if not (writing or desk.stopping):
        why.append("writer_stopped")
    if not desk.facts_known:
        why.append("facts_unknown")
    if lost:
        why.append("events_lost")
    if condition.ballast is not Load.WHOLE:
        why.append("ballast")
    if condition.aside:
        why.append("set_aside")
    days_left = int(condition.disk_free / condition.growth) if condition.growth else None
    if days_left is not None and days_left < FILLING_DAYS:
        why.append("filling")
    return JournalHealth(
        state="degraded" if why else "ok",
        why=tuple(why),
        epoch=shown.epoch,
        head=shown.head,
        oldest=shown.era.base_seq + 1 if shown.era else 1,
        chain_head=shown.chain.hex(),
        alg=ALG,
        waiting=desk.waiting(),
        waiting_bound=desk.bound,
        lost=lost,
        disk_free=condition.disk_free,
        aside=condition.aside,
        days_left=days_left,
    )
