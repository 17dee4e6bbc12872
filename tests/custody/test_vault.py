"""Sealed files: nothing readable on disk, nothing that opens under another name, nothing left after forgetting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.custody.master import KEY_BYTES, KeyUnusable, master_key
from edge.custody.seal import Seal
from edge.custody.vault import Unreadable, Vault

MASTER = bytes(range(32))
CANARY = b"canary-template-0123456789"


def everything(folder: Path) -> bytes:
    """All bytes below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_what_is_sealed_comes_back_and_is_not_to_be_seen(tmp_path: Path) -> None:
    """The content is not on the disk, only its owner can read the files, and get gives it back."""
    vault = Vault(tmp_path, MASTER, "faces")
    vault.put("ref1", CANARY)
    assert CANARY not in everything(tmp_path)
    assert vault.get("ref1") == CANARY
    assert vault.get("ref2") is None
    assert list(vault.names()) == ["ref1"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_forgetting_destroys_the_key(tmp_path: Path) -> None:
    """After forgetting nothing is left, and the sealed file kept by somebody else no longer opens even under its old name."""
    vault = Vault(tmp_path, MASTER, "faces")
    vault.put("ref1", CANARY)
    backup = (tmp_path / "ref1.sealed").read_bytes()
    assert vault.forget("ref1")
    assert list(tmp_path.iterdir()) == []
    assert not vault.forget("ref1")
    vault.put("ref1", b"another")
    (tmp_path / "ref1.sealed").write_bytes(backup)
    with pytest.raises(Unreadable):
        vault.get("ref1")


def test_moved_or_damaged_files_do_not_open(tmp_path: Path) -> None:
    """A file under another name, purpose or master, or with one bit turned, is unreadable."""
    vault = Vault(tmp_path, MASTER, "faces")
    vault.put("ref1", CANARY)
    for kind in ("key", "sealed"):
        (tmp_path / f"ref2.{kind}").write_bytes((tmp_path / f"ref1.{kind}").read_bytes())
    for other, name in ((vault, "ref2"), (Vault(tmp_path, MASTER, "crops"), "ref1"), (Vault(tmp_path, bytes(32), "faces"), "ref1")):
        with pytest.raises(Unreadable):
            other.get(name)
    sealed = bytearray((tmp_path / "ref1.sealed").read_bytes())
    sealed[-1] ^= 1
    (tmp_path / "ref1.sealed").write_bytes(sealed)
    with pytest.raises(Unreadable):
        vault.get("ref1")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a" * 65, "名"])
def test_names_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    """A name that is no plain word is refused."""
    with pytest.raises(ValueError, match="name"):
        Vault(tmp_path, MASTER, "faces").put(name, CANARY)


def test_expiry_by_age_and_by_number(tmp_path: Path) -> None:
    """What is too old goes, and the oldest beyond the number, and nothing else."""
    now = 1_000_000.0
    vault = Vault(tmp_path, MASTER, "crops", now=lambda: now)
    for i in range(6):
        vault.put(f"crop{i}", CANARY)
        os.utime(tmp_path / f"crop{i}.key", (now - 100 * i, now - 100 * i))
    assert vault.expire(450, 3) == 3
    assert sorted(vault.names()) == ["crop0", "crop1", "crop2"]
    assert vault.expire(450, 3) == 0


def test_master_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """The first start makes a key only its owner can read, the next finds it; a credential goes before it."""
    first = master_key(tmp_path, {})
    assert len(first) == 32
    assert master_key(tmp_path, {}) == first
    assert (tmp_path / "master_key").stat().st_mode & 0o777 == 0o600
    given = tmp_path / "credentials"
    given.mkdir()
    (given / "master_key").write_bytes(MASTER)
    assert master_key(tmp_path, {"CREDENTIALS_DIRECTORY": str(given)}) == MASTER


def test_a_key_that_others_can_read_or_that_is_cut_is_refused(tmp_path: Path) -> None:
    """Such a key is not used, not replaced, and the sentence says what to do."""
    master_key(tmp_path, {})
    (tmp_path / "master_key").chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        master_key(tmp_path, {})
    (tmp_path / "master_key").chmod(0o600)
    (tmp_path / "master_key").write_bytes(b"short")
    with pytest.raises(KeyUnusable, match="32 expected"):
        master_key(tmp_path, {})
    assert (tmp_path / "master_key").read_bytes() == b"short"


@pytest.mark.parametrize("sealed", ["roster/000001.roster", "roster/identities.json", "custody/faces/p1.sealed"])
def test_no_other_key_is_made_beside_what_one_has_sealed(tmp_path: Path, sealed: str) -> None:
    """A state folder that was restored without its key: another key would open nothing, and be taken for the right one."""
    folder = tmp_path / "custody"
    key = master_key(folder, {})
    path = tmp_path / sealed
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(Seal(key, "roster").close(path.name, b"{}"))
    (folder / "master_key").unlink()
    with pytest.raises(KeyUnusable, match="missing"):
        master_key(folder, {})
    assert not (folder / "master_key").exists()
    path.unlink()
    assert len(master_key(folder, {})) == KEY_BYTES
