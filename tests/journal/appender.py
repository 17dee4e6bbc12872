"""A daemon in miniature, to be killed: appends from several threads and says on standard output what it was told is on disk.

    python -m tests.journal.appender FOLDER [EVENTS]

One line an acknowledged append: "epoch seq mark". Ends by itself after EVENTS appends, if given, without closing the journal.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
from pathlib import Path

from edge.clock import PlainClock
from edge.journal import Journal, JournalSettings
from tests.journal.samples import forced, opened

THREADS = 3


def main(folder: Path, events: int | None) -> None:
    """Append until killed, or so many events one after the other."""
    # The samples are of a fixed day long ago: with EVENTS what is acknowledged is pruned as well, else nothing is.
    keep = 1 if events is not None else 36_500
    settings = JournalSettings(ballast_mb=0, alive_s=0.05, ack_delay_s=0.01, group_events=50, retention_days=keep)
    journal = Journal(folder, settings, PlainClock())
    journal.open()
    run = os.getpid()

    def tell(mark: str) -> None:
        """One append, waited for, and one line; now and then an acknowledgement and a fact as well."""
        receipt = journal.append(opened(mark), forced(mark))
        if receipt.wait_blocking(30) and receipt.seqs is not None:
            os.write(1, f"{journal.epoch} {receipt.seqs[0]} {mark}\n".encode())
            if receipt.seqs[0] % 7 == 0:
                journal.acknowledge("centre", journal.epoch, receipt.seqs[0], proven=True)
                journal.remember("last", mark)

    if events is not None:
        for n in range(events):
            tell(f"{run}.0.{n}")
            if n % 20 == 19:
                journal.tidy()
        os._exit(0)

    def forever(thread: int) -> None:
        for n in itertools.count():
            tell(f"{run}.{thread}.{n}")
            if random.random() < 0.01:  # a pause now and then, so that commits of one and of many are both met
                threading.Event().wait(0.01)

    for thread in range(THREADS):
        threading.Thread(target=forever, args=(thread,), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
