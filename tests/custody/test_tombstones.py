"""Who was forgotten stays so: across restarts, damage and a key that is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import durable
from edge.custody.tombstones import Tombstone, Tombstones, TombstonesUnusable

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def stone(folder: Path) -> Path:
    """The only tombstone."""
    return next(path for path in folder.iterdir() if path.name != "key")


def test_it_ends_the_papers_of_before_and_no_other(tmp_path: Path) -> None:
    """After a restart too; forgotten again, the paper given in between ends as well."""
    Tombstones(tmp_path).lay("A1", ["P-1"], NOW)
    laid = Tombstones(tmp_path)
    assert (laid.ended("A1", "P-1"), laid.ended("A1", "P-2"), laid.ended("A2", "P-1")) == (True, False, False)
    laid.lay("A1", ["P-2"], NOW)
    laid = Tombstones(tmp_path)
    assert laid.of("A1").times == 2
    assert (laid.ended("A1", "P-1"), laid.ended("A1", "P-2"), laid.ended("A1", "P-3")) == (True, True, False)
    assert laid.of("A2") == Tombstone()


def test_it_names_nobody(tmp_path: Path) -> None:
    """Neither number nor paper stands in a file or its name, and only the owner reads it."""
    Tombstones(tmp_path / "forgotten").lay("310114198012094321", ["P-canary"], NOW)
    for path in (tmp_path / "forgotten").iterdir():
        assert b"310114" not in path.read_bytes() + path.name.encode()
        assert b"canary" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_one_ends_every_paper(tmp_path: Path) -> None:
    """Its name is enough; and it can be laid anew."""
    Tombstones(tmp_path).lay("A1", ["P-1"], NOW)
    stone(tmp_path).write_bytes(b"{")
    laid = Tombstones(tmp_path)
    assert laid.ended("A1", "P-2")
    times = laid.of("A1").times
    laid.lay("A1", ["P-2"], NOW)
    assert Tombstones(tmp_path).of("A1").times == times + 1


def test_without_their_key_nobody_can_be_told_apart(tmp_path: Path) -> None:
    """That is a fault, and no word that nobody was forgotten. Where there is no tombstone, a key is made."""
    Tombstones(tmp_path).lay("A1", [], NOW)
    key = tmp_path / "key"
    kept = key.read_bytes()
    for content in (None, b"short"):
        key.unlink()
        if content is not None:
            key.write_bytes(content)
        with pytest.raises(TombstonesUnusable):
            Tombstones(tmp_path)
        key.write_bytes(kept)
    stone(tmp_path).unlink()
    key.write_bytes(b"short")
    Tombstones(tmp_path).lay("A1", [], NOW)
    assert Tombstones(tmp_path).of("A1").times == 1


def test_what_could_not_be_written_was_not_laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks must know: nothing may be destroyed on the word of a tombstone that a power cut undoes."""
    laid = Tombstones(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "write", refuse)
    with pytest.raises(OSError, match="No space"):
        laid.lay("A1", ["P-1"], NOW)
    assert laid.of("A1") == Tombstone()


@pytest.mark.parametrize("written", ["p-17", "Ｐ-17", "P-17.", " P 17"])
def test_another_spelling_is_no_other_paper(tmp_path: Path, written: str) -> None:
    """What was forgotten with P-17 is not enrolled again by it, however the sheet writes it now; by P-18 it is."""
    stones = Tombstones(tmp_path)
    stones.lay("F3001", ["P-17"], datetime(2026, 3, 2, tzinfo=UTC))
    assert stones.ended("F3001", written)
    assert not stones.ended("F3001", "P-18")
