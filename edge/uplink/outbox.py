"""What the uplink needs of the journal. `edge.journal.Journal` satisfies it; so does the one in memory that the tests use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol


class Record(Protocol):
    """One committed event. `data` is the canonical JSON of its body and is never changed."""

    @property
    def seq(self) -> int: ...  # noqa: D102 - said in the class
    @property
    def epoch(self) -> str: ...  # noqa: D102
    @property
    def at(self) -> str: ...  # noqa: D102
    @property
    def cls(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def data(self) -> bytes: ...  # noqa: D102


class OutboxHealth(Protocol):
    """The journal's own word: `state` is ok or degraded; while it is degraded nothing but health is published."""

    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def why(self) -> str | None: ...  # noqa: D102
    @property
    def ring(self) -> int: ...  # noqa: D102
    @property
    def chain_head(self) -> str: ...  # noqa: D102
    @property
    def disk_free(self) -> int | None: ...  # noqa: D102


class Outbox(Protocol):
    """Committed events by sequence, and how far each consumer has them. Every method may be called from any thread and may take disk time."""

    @property
    def epoch(self) -> str:
        """The database's random name."""
        ...

    def head(self) -> int:
        """The last committed sequence number, 0 when there is none."""
        ...

    def oldest(self) -> int:
        """The oldest sequence number still held."""
        ...

    def page(self, after: int, limit: int, upto: int | None = None) -> Sequence[Record]:
        """Committed records after `after`, in order, at most `limit`, none beyond `upto`."""
        ...

    def acknowledge(self, consumer: str, epoch: str, seq: int) -> str:
        """Take a consumer's word durably: advanced, repeated, went_back, ahead or other_epoch."""
        ...

    def acked(self) -> Mapping[str, int]:
        """Per consumer, the last sequence number it has committed; a consumer that never spoke is missing."""
        ...

    def on_commit(self, wake: Callable[[int], None]) -> None:
        """Call `wake` with the new head after every commit, from the writer's thread."""
        ...

    def new_epoch(self, cause: str) -> None:
        """Begin a new epoch, because the centre has more of this one than we do."""
        ...

    def remember(self, key: str, value: str) -> object:
        """Keep a small fact."""
        ...

    def recall(self, key: str) -> str | None:
        """Read it back."""
        ...

    def health(self) -> OutboxHealth:
        """How the journal is."""
        ...
