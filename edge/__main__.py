"""The command: `anyu-edge`, and `python -m edge`."""

from __future__ import annotations

import signal


def main() -> None:
    """Load everything, which takes up to a second, then run the verb. Ctrl-C while it loads ends at once and without a word."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from edge.cli import app

    signal.signal(signal.SIGINT, before)
    app(prog_name="anyu-edge")


if __name__ == "__main__":
    main()
