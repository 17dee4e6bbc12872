"""The daemon as a process: signals, exit code, and an end that comes whatever hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading

from edge import slices
from edge.daemon import Daemon
from edge.settings import Settings

log = logging.getLogger(__name__)

# SIGHUP comes from a terminal that closes, SIGQUIT from its keyboard: by default both would end us at once, a lock released.
STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
# By default these end a process too; other daemons take them as "open your log files anew". We have none.
IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
STOP_WITHIN_S = 5.0  # of a signal; systemd's TimeoutStopSec is longer


def serve(settings: Settings, degraded: tuple[str, ...] = ()) -> int:
    """Run a gateway until a signal of STOP and return its exit code. `degraded`: what its settings lack. Raises JournalInUse.

    Whatever swallows its cancellation, a thread that never comes back included, the process ends within STOP_WITHIN_S of the signal.
    """
    slices.ask_for(slices.SHORT_NS)  # before any thread is started: they inherit it
    daemon = Daemon(settings, degraded=degraded)
    closed = threading.Event()

    def end_all(code: int) -> None:
        log.error("something would not stop; leaving it behind%s", "" if closed.is_set() else ", the journal open")
        logging.shutdown()
        os._exit(code if closed.is_set() else 1)

    def give_up_later(code: int) -> None:
        timer = threading.Timer(STOP_WITHIN_S - 0.5, end_all, (code,))
        timer.daemon = True
        timer.start()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        def told(number: int, _frame: object) -> None:
            give_up_later(0)
            log.info("%s: stopping", signal.Signals(number).name)
            loop.call_soon_threadsafe(daemon.stop)

        for number in STOP:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1) asks us to stay
                signal.signal(number, told)
        for number in IGNORED:
            signal.signal(number, lambda *_: None)
        ended = runner.run(daemon.run())
        code = 0 if ended.failed is None else 1
        if unwritten := daemon.close():
            log.error("%d events could not be written and go with this process: the disk does not take them", unwritten)
            code = 1
        closed.set()
        if code or ended.abandoned:
            give_up_later(code)
    return code
