"""The secured level of a lock."""

import pytest

from drivers.orders import Level
from edge.access.lock import LockType, Wiring, secured_level


@pytest.mark.parametrize(
    ("lock", "wiring", "level"),
    [
        (LockType.FAIL_SECURE, Wiring.NO, "deenergised"),
        (LockType.FAIL_SECURE, Wiring.NC, "energised"),
        (LockType.FAIL_SAFE, Wiring.NC, "deenergised"),
        (LockType.FAIL_SAFE, Wiring.NO, "energised"),
    ],
)
def test_the_level_follows_from_type_and_wiring(lock: LockType, wiring: Wiring, level: str) -> None:
    """A magnet lock on a NO contact is open when the coil rests: off is not always locked."""
    assert secured_level(lock, wiring) == level
    assert Level(secured_level(lock, wiring))  # the drivers' word for it
