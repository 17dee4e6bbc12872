"""The enrolment desk: whose card is an act of consent, photos that are looked at once and then gone, and a folder that does not obey."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edge.access.events import (
    AccessDenied,
    AccessGranted,
    By,
    Command,
    CustodyConsented,
    CustodyForgotten,
    Event,
    OfPerson,
    PassageEntry,
)
from edge.access.reasons import Reason
from edge.access.rules import AccessPoint, AccessRule, rules_of
from edge.access.terms import Book, Card, Direction, Method, Tenant
from edge.clock import Trust
from edge.custody.tombstones import Tombstones
from edge.custody.vault import Vault
from edge.roster.faces import desk as desk_module
from edge.roster.faces.book import Faces
from edge.roster.faces.consent import Why
from edge.roster.faces.desk import Busy, Desk, PhotosStay
from edge.roster.faces.enrol import Enrolment, Examiner, PhotoRefused
from edge.roster.faces.photos import Photo, Photos
from edge.roster.faces.templates import Templates
from edge.roster.gallery import Enrolled
from models.contract import Embedding
from models.spaces import SFACE
from tests.clock import HandClock
from tests.roster.faces.powerless import powerless

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
POINTS = {name: AccessPoint(name, "north", way) for name, way in (("north_in", Direction.IN), ("north_out", Direction.OUT))}
RULES = rules_of(POINTS.values(), [AccessRule(frozenset({"residents"}), frozenset(POINTS))], ZoneInfo("Asia/Shanghai"))


def tenant(number: int, **more: object) -> Tenant:
    """A grown resident who agreed in the sheet and on paper."""
    usual: dict[str, object] = {"face_consent": True, "birth_date": date(1990, 1, 1), "consent_ref": "P-1"}
    return Tenant(f"ref{number}", f"A{number}", "n", groups=frozenset({"residents"}), **(usual | more))  # type: ignore[arg-type]


def face(number: int) -> Embedding:
    """A face that nobody has."""
    return Embedding.of(SFACE, np.random.default_rng(number).normal(size=128))


@dataclass
class Office:
    """A desk over a folder; photos are examined by their content: `face N` is a face, anything else the reason for a refusal."""

    folder: Path
    keep: bool = False
    off: bool = False
    in_step: bool = True
    book: Book = field(default_factory=lambda: Book("", NOW))
    examined: list[list[str]] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = HandClock(NOW)
        self.open()

    def open(self) -> None:
        """Begin anew, as after a restart."""
        self.desk = Desk(
            Faces(Templates(Vault(self.folder / "faces", bytes(32), "faces")), Tombstones(self.folder / "forgotten"), lambda: RULES, 0.001),
            folder=self.folder / "roster",
            examiner=None if self.off else Examiner("standard", "", ""),
            book=lambda: self.book,
            rules=lambda: RULES,
            clock=self.clock,
            notice="1",
            keep_photos=self.keep,
            unused_days=7,
            first_seen=self.folder / "photos.json",
            in_step=lambda: self.in_step,
            tell=self.told.append,
        )

    def live_here(self, *tenants: Tenant) -> None:
        """The roster in force."""
        cards = {Card(26, int(one.tenant_id[1:])): one.ref for one in tenants}
        self.book = Book("v1", NOW, MappingProxyType({one.ref: one for one in tenants}), cards=MappingProxyType(cards))
        self.desk.roster_changed()

    def photo(self, number: int, name: str, content: str) -> Path:
        """Put a photo into a tenant's folder."""
        place = self.folder / "roster" / "photos" / f"A{number}"
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
        return place / name

    def enrol(self, photos: Sequence[Photo], _examiner: Examiner, _others: Sequence[Enrolled]) -> Enrolment:
        """What the examiner would say."""
        self.examined.append([photo.name for photo in photos])
        said = [(photo.name, photo.why or photo.content.decode()) for photo in photos]
        taken = tuple(face(int(text.removeprefix("face "))) for _, text in said if text.startswith("face "))
        return Enrolment(taken, tuple(PhotoRefused(name, text) for name, text in said if not text.startswith("face ")))

    async def round(self) -> None:
        """One round of the desk."""
        await self.desk._rebuild()
        await self.desk._enrol_waiting()
        await self.desk._rebuild()
        await asyncio.to_thread(self.desk._delete_unused)

    async def later(self, **passed: float) -> None:
        """A restart, and a round after this time."""
        self.open()
        self.clock.set_wall(self.clock.now().at + timedelta(**passed))
        await self.round()

    def in_force(self) -> set[str]:
        """Whose faces are matched."""
        return {one.ref for one in self.desk.faces.in_force.enrolled}

    def card(self, ref: str, access_point: str, kind: type[OfPerson] = AccessGranted, **more: object) -> None:
        """A tenant shows their card."""
        usual = {"access_point": access_point, "person_ref": ref, "method": (Method.CARD,), "reason": Reason.GRANTED}
        said = {"at": NOW, "clock": Trust.SYNCED, "door": "north"} | usual | more
        self.desk.noticed(kind(**said))  # type: ignore[arg-type]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A desk whose examiner is played."""
    made = Office(tmp_path)
    monkeypatch.setattr(desk_module, "enrol", made.enrol)
    monkeypatch.setattr(desk_module, "judge", lambda photos, examiner: made.enrol(photos, examiner, []).refused)
    with powerless():  # the modes of folders hold
        yield made


async def until_awaited(office: Office) -> None:
    """Let the desk begin to wait for a card."""
    while not office.desk._awaited:  # noqa: ASYNC110 (a turn of the loop, no time)
        await asyncio.sleep(0)


async def test_photos_go_after_enrolment_and_only_refused_ones_stay(office: Office) -> None:
    """Taken photos and those beyond the fifth are deleted, refused ones stay, and nothing is looked at twice."""
    office.live_here(tenant(1))
    for name in ("1.jpg", "2.jpg", "3.jpg", "4.jpg", "6.jpg"):
        office.photo(1, name, "face 1")
    bad = office.photo(1, "5.jpg", "blurred")
    await office.round()
    await office.round()
    assert list(bad.parent.iterdir()) == [bad]
    assert office.examined == [["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]]
    assert office.in_force() == {"ref1"}


async def test_a_refused_photo_never_becomes_the_template_by_itself(office: Office) -> None:
    """A picture of somebody else was refused beside a good one; left there, it is not enrolled alone after a restart."""
    office.live_here(tenant(1))
    office.photo(1, "a.jpg", "face 1")
    office.photo(1, "b.jpg", "another_person")
    await office.round()
    (office.folder / "roster" / "photos" / "A1" / "b.jpg").stat()
    office.open()
    await office.round()
    assert len(office.examined) == 1
    office.photo(1, "c.jpg", "face 1")
    await office.round()
    assert len(office.examined) == 2


async def test_an_old_photo_that_comes_new_is_looked_at(office: Office) -> None:
    """A picture taken last year and copied today with its old time is new."""
    office.live_here(tenant(1))
    office.photo(1, "a.jpg", "face 1")
    await office.round()
    old = office.photo(1, "old.jpg", "face 1")
    os.utime(old, (1.6e9, 1.6e9))
    await office.round()
    assert office.examined[1:] == [["old.jpg"]]


async def test_one_folder_that_cannot_be_read_stops_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A link that leads nowhere is no photo; a folder that fails is said once, and the others are enrolled."""
    office.live_here(tenant(1), tenant(2), tenant(3))
    office.photo(1, "1.jpg", "face 1")
    (office.folder / "roster" / "photos" / "A1" / "2.jpg").symlink_to("nowhere.jpg")
    office.photo(2, "1.jpg", "face 2")
    office.photo(3, "1.jpg", "face 3")
    whole = Photos.read

    def failing(self: Photos, tenant_id: str) -> list[Photo]:
        if tenant_id == "A2":
            raise PermissionError(13, "Permission denied")
        return whole(self, tenant_id)

    monkeypatch.setattr(Photos, "read", failing)
    await office.round()
    await office.round()
    assert office.in_force() == {"ref1", "ref3"}
    assert caplog.text.count("photos of a tenant could not be used") == 1
    assert "A2" not in caplog.text


async def test_photos_that_could_not_be_deleted_are_not_used(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that lets us read only: a word, one line, no face, and nobody is asked for a card; it is over when its rights are mended."""
    office.live_here(tenant(1), tenant(2, consent_ref=""), tenant(3))
    photo, other, sound = (office.photo(number, "1.jpg", f"face {number}") for number in (1, 2, 3))
    for path in (photo, other):
        path.parent.chmod(0o555)
    await office.round()
    await office.round()
    assert office.desk.words() == ("photos_would_stay",)
    assert (office.in_force(), office.examined) == ({"ref3"}, [["1.jpg"]])
    for tenant_id in ("A1", "A2"):
        with pytest.raises(PhotosStay):
            await office.desk.enrol(tenant_id, "north_in")
    assert office.desk._awaited == {}
    assert caplog.text.count("photos are not used") == 1
    photo.parent.chmod(0o755)
    other.parent.chmod(0o755)
    other.unlink()
    await office.round()
    assert (office.desk.words(), office.in_force()) == ((), {"ref1", "ref3"})
    assert not photo.exists()
    assert not sound.exists()


async def test_a_site_that_keeps_its_photos_need_not_delete(office: Office) -> None:
    """There the folder may be one that can only be read."""
    office.keep = True
    office.open()
    office.live_here(tenant(1))
    photo = office.photo(1, "1.jpg", "face 1")
    photo.parent.chmod(0o555)
    await office.round()
    assert (office.desk.words(), office.in_force()) == ((), {"ref1"})
    assert photo.exists()


async def test_photos_that_stay_all_the_same_are_said(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder turned read-only after the probe: enrolled once, said once, tried again, and over when they are gone."""
    office.live_here(tenant(1))
    photo = office.photo(1, "1.jpg", "face 1")
    monkeypatch.setattr(Photos, "may_delete", lambda _self, _tenant_id: True)
    photo.parent.chmod(0o555)
    await office.round()
    await office.round()
    assert office.desk.words() == ("photos_not_deleted",)
    assert (office.in_force(), len(office.examined)) == ({"ref1"}, 1)
    assert caplog.text.count("could not be deleted") == 1
    photo.parent.chmod(0o755)
    await office.round()
    assert office.desk.words() == ()
    assert not photo.exists()


async def test_a_photos_folder_that_is_a_link_is_a_word(office: Office) -> None:
    """Faces in force go on; when it is a folder again, its photos are used."""
    office.live_here(tenant(1), tenant(2))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    place = office.photo(2, "1.jpg", "face 2").parents[1]
    place.rename(office.folder / "elsewhere")
    place.symlink_to(office.folder / "elsewhere")
    await office.round()
    assert (office.desk.words(), office.in_force()) == (("photos_unusable",), {"ref1"})
    place.unlink()
    (office.folder / "elsewhere").rename(place)
    await office.round()
    assert (office.desk.words(), office.in_force()) == ((), {"ref1", "ref2"})


async def test_only_the_own_card_at_the_named_reader_is_an_act(office: Office) -> None:
    """Somebody else's card, and their own at another gate, agree to nothing; their own where they were asked does."""
    office.live_here(tenant(1, consent_ref=""), tenant(2, consent_ref=""))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    assert office.examined == []
    asked = asyncio.create_task(office.desk.enrol("A1", "north_in"))
    await until_awaited(office)
    with pytest.raises(Busy):
        await office.desk.enrol("A1", "north_in")
    office.card("ref2", "north_in")
    office.card("ref1", "north_out")
    await asyncio.sleep(0)
    assert not asked.done()
    office.card("ref1", "north_in")
    done = await asked
    assert done is not None
    assert (done.why, len(done.result.taken), done.left) == (Why.MAY, 1, 0)
    assert office.in_force() == {"ref1"}
    assert office.desk._awaited == {}


@pytest.mark.parametrize(
    "said",
    [
        {"simulated": True},
        {"time_source": "controller"},
        {"reason": Reason.CONTROLLER, "clock": Trust.UNTRUSTED},
        {"kind": AccessDenied, "reason": Reason.NO_RULE},
        {"kind": PassageEntry, "confirmed": True, "evidence": "contact"},
        {"at": NOW - timedelta(seconds=1)},
        {"method": (Method.PIN,)},
        {"access_point": None},
    ],
    ids=["played", "late", "late without a time", "denied", "passed", "before the notice", "PIN", "nowhere"],
)
async def test_what_is_no_act_of_a_resident(office: Office, said: dict[str, object]) -> None:
    """Only a live grant by card, where and after they were asked: with anything else the card is still awaited."""
    office.live_here(tenant(1, consent_ref=""))
    office.photo(1, "1.jpg", "face 1")
    asked = asyncio.create_task(office.desk.enrol("A1", "north_in"))
    await until_awaited(office)
    office.card(**({"ref": "ref1", "access_point": "north_in"} | said))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not office.desk._awaited["ref1"].card.done()
    office.card("ref1", "north_in", reason=Reason.CONTROLLER)
    done = await asked
    assert done is not None
    assert len(done.result.taken) == 1


async def test_no_card_is_no_consent(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the card nothing is examined, and a card that comes too late starts nothing."""
    monkeypatch.setattr(desk_module, "ACT_S", 0.01)
    office.live_here(tenant(1, consent_ref=""))
    office.photo(1, "1.jpg", "face 1")
    with pytest.raises(TimeoutError):
        await office.desk.enrol("A1", "north_in")
    office.card("ref1", "north_in")
    await office.round()
    assert (office.examined, office.in_force()) == ([], set())
    assert await office.desk.enrol("A9") is None


async def test_consent_withdrawn_while_the_card_was_awaited(office: Office) -> None:
    """The roster is asked again after the card: what was agreed to before is not enough."""
    office.live_here(tenant(1, consent_ref=""))
    office.photo(1, "1.jpg", "face 1")
    asked = asyncio.create_task(office.desk.enrol("A1", "north_in"))
    await until_awaited(office)
    office.live_here(tenant(1, consent_ref="", face_consent=False))
    office.card("ref1", "north_in")
    done = await asked
    assert done is not None
    assert (done.why, office.examined) == (Why.NO_CONSENT, [])


async def test_what_the_sheet_says_counts_at_once(office: Office) -> None:
    """Before the templates are loaded anew, a face whose tenant withdrew, left, or whose tenancy ended at midnight is not to be used."""
    office.live_here(one := tenant(1, valid_until=NOW.date()))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    assert office.desk.may_match("ref1")
    office.live_here(replace(one, face_consent=False))
    assert not office.desk.may_match("ref1")
    office.live_here(tenant(2))
    assert not office.desk.may_match("ref1")
    office.live_here(one)
    assert office.desk.may_match("ref1")
    office.clock.set_wall(NOW + timedelta(hours=13))  # past midnight in Shanghai
    assert not office.desk.may_match("ref1")


async def test_forget_leaves_neither_template_nor_photo(office: Office) -> None:
    """Forgetting takes every file in the folder, and the face is out of force when it returns."""
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "face 1")
    refused = office.photo(1, "2.jpg", "blurred")
    beside = [office.photo(1, name, "small pictures") for name in ("Thumbs.db", "._1.jpg")]
    await office.round()
    assert [path.exists() for path in beside] == [False, False]
    forgotten = await office.desk.forget("A1")
    assert forgotten is not None
    assert (forgotten.template, forgotten.photos, forgotten.left) == (True, 1, 0)
    assert not refused.parent.exists()
    assert office.in_force() == set()
    assert list((office.folder / "faces").iterdir()) == []
    assert await office.desk.forget("A9") is None


async def test_forgotten_stays_forgotten_while_the_photo_cannot_be_deleted(office: Office) -> None:
    """After a restart, and when the folder's rights are mended: the paper of before ended. A new paper is a new consent."""
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    photo = office.photo(1, "2.jpg", "face 1")
    photo.parent.chmod(0o555)
    forgotten = await office.desk.forget("A1")
    assert forgotten is not None
    assert (forgotten.template, forgotten.left, office.desk.words()) == (True, 1, ("photos_not_deleted",))
    office.open()
    await office.round()
    photo.parent.chmod(0o755)
    await office.round()
    assert (office.in_force(), len(office.examined), photo.exists()) == (set(), 1, True)
    asked = await office.desk.ask("A1")
    assert asked is not None
    assert asked.why is Why.NO_ACT
    office.live_here(tenant(1, consent_ref="P-2"))
    await office.round()
    assert office.in_force() == {"ref1"}


@pytest.mark.parametrize("off", [False, True])
@pytest.mark.parametrize("withdrawn", ["P-1", ""], ids=["paper kept in the sheet", "paper taken out of the sheet"])
async def test_a_withdrawal_ends_the_paper(office: Office, withdrawn: str, off: bool) -> None:
    """N, then Y again with the same paper and new photos, over a restart, with recognition off meanwhile too: it waits for a new act."""
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    assert office.in_force() == {"ref1"}
    office.off = off
    office.open()
    office.live_here(tenant(1, face_consent=False, consent_ref=withdrawn))
    await office.round()
    assert list((office.folder / "faces").iterdir()) == []
    office.off = False
    await office.later(days=1)
    office.live_here(tenant(1))
    office.photo(1, "2.jpg", "face 1")
    await office.round()
    asked = await office.desk.ask("A1")
    assert asked is not None
    assert (office.in_force(), asked.why, asked.paper_ended) == (set(), Why.NO_ACT, True)
    office.live_here(tenant(1, consent_ref="P-2"))
    await office.round()
    assert office.in_force() == {"ref1"}


async def test_the_own_card_is_a_new_consent(office: Office) -> None:
    """It lifts the tombstone for that template and no other: new photos under the old paper change nothing."""
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    await office.desk.forget("A1")
    office.photo(1, "2.jpg", "face 1")
    await office.round()
    assert office.in_force() == set()
    asked = asyncio.create_task(office.desk.enrol("A1", "north_in"))
    await until_awaited(office)
    office.card("ref1", "north_in")
    await asked
    office.open()
    await office.round()
    assert office.in_force() == {"ref1"}
    office.photo(1, "3.jpg", "face 2")
    await office.round()
    assert len(office.examined) == 2


async def test_who_left_the_roster_is_forgotten_all_the_same(office: Office) -> None:
    """Their photos and what is left of a template go; rolled back into the roster, the papers of then enrol nobody."""
    office.live_here(tenant(1), tenant(2))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    office.book = Book("v2", NOW, MappingProxyType({"ref2": tenant(2)}))  # and the templates are not yet loaded anew
    photo = office.photo(1, "1.jpg", "face 1")
    forgotten = await office.desk.forget("A1", [tenant(1), tenant(1, consent_ref="P-0")])
    assert forgotten is not None
    assert (forgotten.template, forgotten.photos, forgotten.left) == (True, 1, 0)
    assert not photo.exists()
    office.open()
    for paper in ("P-1", "P-0"):
        office.live_here(tenant(1, consent_ref=paper))
        office.photo(1, "1.jpg", "face 1")
        await office.round()
    assert (office.in_force(), len(office.examined)) == (set(), 1)


async def test_forgotten_while_photos_wait(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that is awaited counts no more, and what was judged before the tombstone is not enrolled after it."""
    office.live_here(tenant(1, consent_ref=""))
    office.photo(1, "1.jpg", "face 1")
    asked = asyncio.create_task(office.desk.enrol("A1", "north_in"))
    await until_awaited(office)
    await office.desk.forget("A1")
    office.card("ref1", "north_in")
    with pytest.raises(TimeoutError):
        await asked

    office.live_here(tenant(2))
    office.photo(2, "1.jpg", "face 2")
    judged = Desk._with_photos

    def forget_meanwhile(self: Desk) -> list[tuple[Tenant, int]]:
        found = judged(self)
        if found:
            self._faces.forget("A2", ["P-1"], ["ref2"], NOW)
        return found

    monkeypatch.setattr(Desk, "_with_photos", forget_meanwhile)
    await office.round()
    assert (office.in_force(), office.examined) == (set(), [])


async def test_what_faces_may_do_is_said_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """One line an access point, and another only when the answer changes."""
    caplog.set_level("INFO")
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "face 1")
    for _ in range(3):
        await office.round()
    assert caplog.text.count("faces at north_in: face_alone (vouched), 1 tenants, basis floor") == 1


async def test_a_face_is_never_the_only_way(office: Office) -> None:
    """Without a card or a PIN nobody is enrolled; who loses theirs is not matched, and is again with the next one."""
    office.live_here(tenant(1), tenant(2))
    whole = office.book
    office.book = replace(whole, cards=MappingProxyType({Card(26, 2): "ref2"}))
    for number in (1, 2):
        office.photo(number, "1.jpg", f"face {number}")
    await office.round()
    asked, enrolled = await office.desk.ask("A1"), await office.desk.enrol("A1", "north_in")
    assert asked is not None
    assert enrolled is not None
    assert (asked.why, enrolled.why, office.in_force()) == (Why.NO_OTHER_WAY, Why.NO_OTHER_WAY, {"ref2"})
    office.book = whole
    await office.round()
    assert office.in_force() == {"ref1", "ref2"}
    office.book = replace(whole, cards=MappingProxyType({}), pins=MappingProxyType({b"hash": "ref2"}))
    assert (office.desk.may_match("ref1"), office.desk.may_match("ref2")) == (False, True)
    await office.round()
    assert office.in_force() == {"ref2"}
    office.book = whole
    await office.round()
    assert office.in_force() == {"ref1", "ref2"}


async def test_what_is_no_photo_takes_no_place_and_what_is_another_kind_is_said(office: Office) -> None:
    """A Mac's second files, Windows' and a NAS's beside five photos; a telephone's HEIC is looked at once, and replaces nothing."""
    office.live_here(tenant(1))
    names = [f"IMG_{number}.JPG" for number in range(1, 6)]
    for name in (*names, *("._" + name for name in names), "~$IMG_1.jpg", ".hidden.jpg", "Thumbs.db", "desktop.ini"):
        office.photo(1, name, "face 1")
    await office.round()
    assert office.examined == [names]
    heic = office.photo(1, "IMG_6.HEIC", "face 1")
    await office.round()
    await office.round()
    assert office.examined == [names, ["IMG_6.HEIC"]]
    assert (heic.exists(), office.in_force()) == (True, {"ref1"})


async def test_a_refused_photo_is_not_enrolled_because_another_kind_came(office: Office) -> None:
    """A picture of somebody else was refused and lies there still; a HEIC beside it is no reason to look at it alone."""
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "face 1")
    office.photo(1, "2.jpg", "another_person")
    await office.round()
    office.photo(1, "3.HEIC", "face 1")
    await office.round()
    await office.later(days=1)
    assert office.examined == [["1.jpg", "2.jpg"]]


async def test_forget_takes_what_lies_in_folders_inside_a_tenants(office: Office) -> None:
    """A NAS keeps small pictures in one, a manager earlier photos. No link is followed, and what lies deeper is told as left."""
    office.live_here(tenant(1))
    place = office.photo(1, "1.jpg", "face 1").parent
    elsewhere = office.photo(7, "1.jpg", "face 7")
    for path in (place / "@eaDir" / "2.jpg" / "S.jpg", place / "新建文件夹" / "1.jpg"):
        path.parent.mkdir(parents=True)
        path.write_text("small")
    (place / "link").symlink_to(elsewhere.parent)
    await office.round()
    assert "photos_astray" in office.desk.words()
    asked = await office.desk.would_forget("A1")
    forgotten = await office.desk.forget("A1")
    assert asked is not None
    assert forgotten is not None
    assert (asked.photos, forgotten.template, forgotten.photos, forgotten.left) == (2, True, 2, 0)
    assert ([path.name for path in place.iterdir()], elsewhere.exists()) == (["link"], True)
    (place / "1" / "2" / "3" / "4" / "5").mkdir(parents=True)
    deep = place / "1" / "2" / "3" / "4" / "5" / "1.jpg"
    deep.write_text("too deep")
    forgotten = await office.desk.forget("A1")
    assert forgotten is not None
    assert (forgotten.left, deep.exists()) == (1, True)


async def test_photos_are_judged_before_the_card_is_asked_for(office: Office) -> None:
    """By name and reason, and nothing is kept of them; where nothing has to be asked, nothing is looked at."""
    office.live_here(tenant(1, consent_ref=""), tenant(2))
    office.photo(1, "1.jpg", "face 1")
    office.photo(1, "2.jpg", "blurred")
    last = office.photo(2, "1.jpg", "face 2")
    asked = await office.desk.ask("A1", judge_photos=True)
    assert asked is not None
    assert (asked.why, asked.photos, asked.refused) == (Why.NO_ACT, 2, (PhotoRefused("2.jpg", "blurred"),))
    assert not (office.folder / "faces").exists()
    await office.desk.ask("A2", judge_photos=True)
    (last.parent.parent / "A1").chmod(0o555)
    with pytest.raises(PhotosStay):
        await office.desk.ask("A1", judge_photos=True)
    assert office.examined == [["1.jpg", "2.jpg"]]


async def test_a_paper_that_ended_is_said(office: Office) -> None:
    """The manager asks again after `forget` and would not know why a card is wanted now."""
    office.live_here(tenant(1))
    before = await office.desk.ask("A1")
    await office.desk.forget("A1")
    after = await office.desk.ask("A1")
    assert before is not None
    assert after is not None
    assert (before.why, before.paper_ended, after.why, after.paper_ended) == (Why.MAY, False, Why.NO_ACT, True)


async def test_consent_and_forgetting_are_written_down(office: Office) -> None:
    """By paper, by card, by whom; a refused photo is no consent, and a record of forgetting does not say who."""
    boss = Command("c1", By("manager", "wang"), "socket")
    office.live_here(tenant(1), tenant(2, consent_ref=""), tenant(3))
    office.photo(1, "1.jpg", "face 1")
    await office.round()
    office.photo(2, "1.jpg", "face 2")
    asking = asyncio.create_task(office.desk.enrol("A2", "north_in", boss))
    await until_awaited(office)
    office.card("ref2", "north_in")
    await asking
    office.photo(3, "1.jpg", "blurred")
    await office.desk.enrol("A3", command=boss)
    await office.desk.forget("A1", command=boss)
    await office.desk.forget("A9", command=boss)
    consented = {"at": NOW, "clock": Trust.SYNCED}
    by_boss = {"command_id": "c1", "actor": boss.actor, "origin": "socket"}
    assert office.told == [
        CustodyConsented(person_ref="ref1", consent="paper", **consented),  # type: ignore[arg-type]
        CustodyConsented(person_ref="ref2", consent="card", notice="1", **consented, **by_boss),  # type: ignore[arg-type]
        CustodyForgotten(template=True, photos=0, left=0, **consented, **by_boss),  # type: ignore[arg-type]
    ]


async def test_photos_that_nobody_uses_go_after_seven_days(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Refused ones and those of tenants who have not consented; whatever time the file claims, and counted across restarts."""
    caplog.set_level("INFO")
    office.live_here(tenant(1), tenant(2, consent_ref=""))
    refused, waiting = office.photo(1, "1.jpg", "blurred"), office.photo(2, "1.heic", "face 2")
    for path in (refused, waiting):
        os.utime(path, (1.6e9, 1.6e9))
    await office.round()
    await office.later(days=6.9)
    assert refused.exists()
    new = office.photo(2, "2.jpg", "face 2")
    await office.later(days=0.2)
    assert (refused.exists(), waiting.exists(), new.exists()) == (False, False, True)
    assert caplog.text.count("photos deleted: 2 not used in 7 days, 0 of nobody") == 1
    assert "A1" not in caplog.text
    assert "jpg" not in (office.folder / "photos.json").read_text()


async def test_photos_of_nobody_go_after_an_hour(office: Office) -> None:
    """Copied minutes before the sheet is saved they stay, and while the sheet that may name them is refused."""
    office.live_here(tenant(1))
    early, nobodys = office.photo(2, "1.jpg", "face 2"), office.photo(3, "1.jpg", "face 3")
    await office.round()
    await office.later(minutes=50)
    office.live_here(tenant(1), tenant(2, consent_ref=""))
    office.in_step = False
    await office.later(minutes=30)
    assert (early.exists(), nobodys.exists()) == (True, True)
    office.in_step = True
    await office.later(minutes=1)
    assert (early.exists(), nobodys.parent.exists()) == (True, False)
    office.live_here(tenant(1))
    await office.round()
    await office.later(minutes=50)
    assert early.exists()
    await office.later(minutes=11)
    assert not early.parent.exists()


async def test_small_pictures_of_a_nas_go_with_the_photo(office: Office) -> None:
    """What holds the face of an enrolled photo does not outlive it; a system's own folder is nobody's slip, and is not said."""
    office.live_here(tenant(1))
    place = office.photo(1, "1.jpg", "face 1").parent
    office.photo(1, "2.jpg", "blurred")
    small = {name: place / "@eaDir" / name / "SYNOPHOTO_THUMB_S.jpg" for name in ("1.jpg", "2.jpg")}
    for path in small.values():
        path.parent.mkdir(parents=True)
        path.write_text("small")
    await office.round()
    assert (office.in_force(), office.desk.words()) == ({"ref1"}, ())
    assert [path.exists() for path in small.values()] == [False, True]


async def test_photos_that_lie_where_none_is_looked_at_are_said_and_go(office: Office) -> None:
    """Beside the folders, and in folders inside them, also on a site that keeps its photos; a list of the manager's stays."""
    office.keep = True
    office.open()
    office.live_here(tenant(1, consent_ref=""))
    place = office.photo(1, "1.jpg", "face 1").parent
    (place / "新建文件夹").mkdir()
    astray = [place / "新建文件夹" / "1.jpg", place.parent / "A1.jpg", place.parent / "._A1.jpg", place.parent / "photos.zip"]
    ours = place.parent / "names.xlsx"
    for path in (*astray, ours):
        path.write_text("face 1")
    await office.round()
    assert office.desk.words() == ("photos_astray",)
    await office.later(days=6.9)
    assert [path.exists() for path in astray] == [True] * 4
    await office.later(days=0.2)
    assert ([path.exists() for path in astray], ours.exists()) == ([False] * 4, True)
    await office.round()
    assert office.desk.words() == ()


async def test_a_folder_of_nobody_is_said_before_it_goes(office: Office) -> None:
    """A name of another form, or a space behind the number, of any bytes; said while no time is certain too, and nothing goes then."""
    office.clock = HandClock(NOW, trust=Trust.UNTRUSTED)
    office.open()
    office.live_here(tenant(1))
    office.photo(1, "1.jpg", "blurred")
    await office.round()
    assert office.desk.words() == ()
    photos = office.folder / "roster" / "photos"
    for name in ("A1 ", os.fsdecode("张三".encode("gb18030"))):
        (photos / name).mkdir()
        (photos / name / "1.jpg").write_text("face 1")
        await office.round()
        assert office.desk.words() == ("photos_of_nobody",)
        await office.later(minutes=61)
        assert office.desk.words() == ("photos_of_nobody",)
        shutil.rmtree(photos / name)


async def test_what_is_kept_or_unknown_goes_not(office: Office) -> None:
    """A site that keeps photos keeps those it enrolled; without a roster, or a time that is certain, nothing is deleted."""
    office.keep = True
    office.open()
    kept, other = office.photo(1, "1.jpg", "face 1"), office.photo(2, "1.jpg", "face 2")
    await office.round()
    await office.later(days=20)
    assert other.exists()
    office.live_here(tenant(1))
    await office.round()
    await office.later(days=20)
    assert (kept.exists(), other.exists(), office.in_force()) == (True, False, {"ref1"})


async def test_photos_go_while_recognition_is_off(office: Office) -> None:
    """Nobody is enrolled, and photos go when they would otherwise; a site that keeps photos keeps those of whom it enrolled before."""
    office.keep = True
    office.open()
    office.live_here(tenant(1), tenant(2))
    kept = office.photo(1, "1.jpg", "face 1")
    await office.round()
    office.off = True
    await office.later(days=0)
    waiting = office.photo(2, "1.jpg", "face 2")
    await office.round()
    assert (office.examined, office.desk.enrols) == ([["1.jpg"]], False)
    await office.later(days=8)
    assert (kept.exists(), waiting.exists()) == (True, False)


async def test_unused_photos_that_cannot_be_deleted_are_said(office: Office) -> None:
    """They are still somebody's face."""
    office.live_here(tenant(1, consent_ref=""))
    photo = office.photo(1, "1.jpg", "face 1")
    await office.round()
    photo.parent.chmod(0o555)
    await office.later(days=8)
    assert office.desk.words() == ("photos_not_deleted",)
    photo.parent.chmod(0o755)
    await office.round()
    assert (office.desk.words(), photo.exists()) == ((), False)
