"""The command `anyu-edge` on a machine whose boot a walk decides.

    python -m tests.walks.machine BOOT_ID_FILE run --config site.yaml

The kernel gives each boot an id in a file; a test cannot cut this machine's power, so the file may be another one here ("": the kernel's).
Nothing else differs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge.cli import app
from edge.journal import journal

if __name__ == "__main__":
    boot_id_file = sys.argv.pop(1)
    if boot_id_file:
        journal.BOOT_ID = Path(boot_id_file)
    app()
