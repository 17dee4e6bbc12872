"""What the driver tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drivers.rigs import RIGS, Rig


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """One rig by its name in RIGS, not plugged in yet."""
    return RIGS[request.param](tmp_path)
