"""The weights in the folder of the vision unit: what the daemon puts there, and what becomes of a wrong one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edge import recognition
from models.weights import Entry

GOOD, FLIPPED = b"weights, to the bit", b"weights, to the bis"


@pytest.mark.parametrize("there", [FLIPPED, b"half", None])
@pytest.mark.parametrize("named", [GOOD, FLIPPED, None])
def test_the_unit_gets_what_the_manifest_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bytes | None, named: bytes | None
) -> None:
    """One bit flipped, the last version of the same length, half a file, none: a good copy takes its place, whatever else lies beside."""
    entry = Entry("one", "one.onnx", len(GOOD), hashlib.sha256(GOOD).hexdigest(), "MIT", "nowhere", "a test")
    monkeypatch.setattr(recognition, "manifest", lambda: {"one": entry})
    own, others, unit = (tmp_path / name for name in ("own", "others", "unit"))
    for folder, data in ((own, GOOD), (others, named), (unit, there)):
        folder.mkdir()
        if data is not None:
            (folder / "one.onnx").write_bytes(data)
    recognition._lay_out([own, others], unit)
    assert (unit / "one.onnx").read_bytes() == GOOD
    assert [path.name for path in unit.iterdir()] == ["one.onnx"]


def test_a_bad_file_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no good copy is, the unit's folder stays as it is."""
    entry = Entry("one", "one.onnx", len(GOOD), hashlib.sha256(GOOD).hexdigest(), "MIT", "nowhere", "a test")
    monkeypatch.setattr(recognition, "manifest", lambda: {"one": entry})
    own, unit = tmp_path / "own", tmp_path / "unit"
    own.mkdir()
    unit.mkdir()
    (own / "one.onnx").write_bytes(FLIPPED)
    recognition._lay_out([own], unit)
    assert not list(unit.iterdir())
