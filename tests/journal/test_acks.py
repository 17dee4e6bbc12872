"""Acknowledgements: what each means, and that they are remembered."""

from __future__ import annotations

from edge.journal import Ack, Journal
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, opened


def test_what_an_acknowledgement_means(journal: Journal) -> None:
    """Forward, again, back, ahead of us, and of another epoch."""
    assert journal.append(*(opened() for _ in range(10))).wait_blocking(WAIT_S)
    epoch = journal.epoch
    assert journal.acked() == {"centre": 0}
    assert journal.acknowledge("centre", epoch, 7) is Ack.ADVANCED
    assert journal.acknowledge("centre", epoch, 7) is Ack.REPEATED
    assert journal.acknowledge("centre", epoch, 3) is Ack.WENT_BACK
    assert journal.acked() == {"centre": 3}
    assert journal.acknowledge("centre", epoch, 11) is Ack.AHEAD
    assert journal.acknowledge("centre", "elsewhere", 1) is Ack.OTHER_EPOCH
    assert journal.acked() == {"centre": 3}


def test_acknowledgements_outlive_a_restart(make: Make) -> None:
    """Each consumer has its own number; a configured one that never spoke counts as none."""
    journal = make(consumers=("centre", "police"))
    journal.open()
    assert journal.append(*(opened() for _ in range(10))).wait_blocking(WAIT_S)
    journal.acknowledge("centre", journal.epoch, 7)
    journal.close()
    again = make(consumers=("centre", "police"))
    again.open()
    assert again.acked() == {"centre": 7, "police": 0}
    assert again.acknowledge("police", again.epoch, 10) is Ack.ADVANCED


def test_strange_consumers_cannot_fill_the_table(journal: Journal) -> None:
    """The table of consumers is bounded."""
    assert journal.append(opened()).wait_blocking(WAIT_S)
    for n in range(100):
        journal.acknowledge(f"consumer_{n}", journal.epoch, 1)
    assert len(journal.acked()) == 64
