"""The way to the centre: one unit for the supervisor. Composes client, delivery and the retained messages."""

from __future__ import annotations

import random
from collections.abc import Callable

from edge.clock import Clock
from edge.uplink.messages import HealthBody, InfoBody
from edge.uplink.outbox import Outbox
from edge.uplink.settings import UplinkSettings


class Uplink:
    """Publishes what the journal has committed, and keeps the retained `state`, `health` and `info` true."""

    def __init__(
        self,
        settings: UplinkSettings,
        *,
        site: str,
        gateway: str,
        boot_id: str,
        journal: Outbox,
        health: Callable[[], HealthBody],
        info: Callable[[], InfoBody],
        clock: Clock,
        rng: random.Random | None = None,
    ) -> None: ...

    async def run(self) -> None:
        """Connect, publish, reconnect; never returns. Cancelling it says `stopping` to the broker and takes at most 2 s."""

    def touch(self) -> None:
        """Something in `health` changed: publish it soon (at most one a second). Any thread."""

    def complaints(self) -> tuple[str, ...]:
        """What is wrong on the way to the centre, as words for `degraded` and `health`; empty when all is well."""
        return ()
