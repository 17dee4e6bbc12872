"""Faces in force follow consent and the roster; what may not be kept is destroyed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edge.access.rules import AccessPoint, AccessRule, Rules, rules_of
from edge.access.terms import Book, Card, Direction, Tenant
from edge.custody.tombstones import Tombstones
from edge.custody.vault import Vault
from edge.roster.calibrate import Allows, Basis
from edge.roster.faces.book import CONFUSED, Faces
from edge.roster.faces.consent import Act, Day, Why
from edge.roster.faces.templates import Template, Templates
from models.contract import Embedding
from models.spaces import SFACE

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TODAY = Day(date(2026, 11, 23))
ACT = Act("north_in", NOW, "1")


def shot(seed: int, take: int = 0) -> Embedding:
    """A photo of a person who does not exist."""
    face = np.random.default_rng(seed).normal(size=128)
    return Embedding.of(SFACE, face + 0.3 * np.random.default_rng([seed, take]).normal(size=128))


def template(seed: int, act: Act | None = ACT) -> Template:
    """A template of three photos."""
    return Template(f"ref{seed}", tuple(shot(seed, take) for take in range(3)), NOW, act)


def tenant(seed: int, **more: object) -> Tenant:
    """A tenant who consented."""
    usual: dict[str, object] = {"face_consent": True, "birth_date": date(1990, 1, 1), "groups": frozenset({"residents"})}
    return Tenant(f"ref{seed}", f"t{seed}", "n", **(usual | more))  # type: ignore[arg-type]


def book(*tenants: Tenant) -> Book:
    """A roster of these."""
    cards = {Card(26, number): one.ref for number, one in enumerate(tenants)}
    return Book("v1", NOW, MappingProxyType({one.ref: one for one in tenants}), cards=MappingProxyType(cards))


@pytest.fixture
def rules() -> Rules:
    """One entry for residents, one for staff."""
    points = {name: AccessPoint(name, "north", Direction.IN) for name in ("north_in", "back_in")}
    residents = AccessRule(frozenset({"residents"}), frozenset({"north_in"}))
    staff = AccessRule(frozenset({"staff"}), frozenset({"back_in"}))
    return rules_of(points.values(), [residents, staff], ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def faces(tmp_path: Path, rules: Rules) -> Faces:
    """Five tenants' templates on disk."""
    made = Faces(Templates(Vault(tmp_path, bytes(32), "faces")), Tombstones(tmp_path / "forgotten"), lambda: rules, 0.001)
    for seed in range(5):
        made.enrolled(template(seed))
    return made


def test_each_access_point_has_its_own_people(faces: Faces) -> None:
    """Residents are searched at their entry; an entry nobody with a face may use has no gallery."""
    force = faces.rebuild(book(*(tenant(seed) for seed in range(4)), tenant(4, groups=frozenset({"staff"}))), TODAY)
    assert len(force.galleries["north_in"]) == 4
    assert len(force.galleries["back_in"]) == 1
    assert force.galleries["north_in"].search(shot(2, 9)).ref == "ref2"
    assert force.calibrations["north_in"].basis is Basis.FLOOR
    assert force.alone("north_in") == (force.calibrations["north_in"].allows is Allows.FACE_ALONE)


def test_who_did_nothing_themselves_waits(faces: Faces) -> None:
    """A template without the resident's own act is kept, matched with nobody, and listed with the reason."""
    faces.enrolled(template(0, act=None))
    force = faces.rebuild(book(*(tenant(seed) for seed in range(5))), TODAY)
    assert len(force.galleries["north_in"]) == 4
    assert dict(force.waiting) == {"ref0": Why.NO_ACT}


@pytest.mark.parametrize("end", ["withdrawn", "removed", "over"])
def test_what_may_not_be_kept_is_destroyed(faces: Faces, tmp_path: Path, end: str) -> None:
    """Withdrawn consent, a removed tenant and a tenancy over for more than a day end the template on disk, not only in memory."""
    ended = {
        "withdrawn": [tenant(0, face_consent=False)],
        "removed": [],
        "over": [tenant(0, valid_until=(NOW - timedelta(days=2)).date())],
    }[end]
    faces.rebuild(book(*ended, *(tenant(seed) for seed in range(1, 5))), TODAY)
    assert not (tmp_path / "ref0.key").exists()
    assert not (tmp_path / "ref0.sealed").exists()
    assert len(list(tmp_path.glob("*.key"))) == 4


def test_a_tenancy_that_ended_yesterday_is_kept_and_not_matched(faces: Faces) -> None:
    """For a day the template is kept for an extension of the contract, and matches nobody."""
    force = faces.rebuild(book(tenant(0, valid_until=(NOW - timedelta(days=1)).date())), TODAY)
    assert force.galleries == {}
    assert dict(force.waiting)["ref0"] is Why.ENDED


def test_not_this_person_asks_for_more(faces: Faces) -> None:
    """A guard's word raises what this tenant's face must reach, again and again up to a bound, and asks for a new enrolment."""
    people = book(*(tenant(seed) for seed in range(5)))
    assert faces.not_this_person("ref3", "e-7")
    assert not faces.not_this_person("ref3", "e-7"), "one decision counts once"
    assert not faces.not_this_person("nobody", "e-7")
    force = faces.rebuild(people, TODAY)
    assert {one.ref: one.extra for one in force.enrolled}["ref3"] == CONFUSED
    for number in range(10):
        faces.not_this_person("ref3", f"e-{number}")
    extra = {one.ref: one.extra for one in faces.rebuild(people, TODAY).enrolled}["ref3"]
    assert extra == pytest.approx(0.2)
    faces.enrolled(replace(template(3), extra=0.0))
    assert {one.ref: one.extra for one in faces.rebuild(people, TODAY).enrolled}["ref3"] == 0.0


def test_a_damaged_template_is_counted_and_harms_nobody(faces: Faces, tmp_path: Path) -> None:
    """A file that does not open is counted; the others go on."""
    (tmp_path / "ref1.sealed").write_bytes(b"damaged")
    force = faces.rebuild(book(*(tenant(seed) for seed in range(5))), TODAY)
    assert force.unreadable == 1
    assert len(force.galleries["north_in"]) == 4


def test_templates_are_sealed(tmp_path: Path) -> None:
    """Not one vector of a template stands readable on the disk."""
    vault = Vault(tmp_path, bytes(range(32)), "faces")
    Templates(vault).save(template(1))
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for photo in template(1).photos:
        assert photo.vector.tobytes()[:16] not in stored
    back = Templates(vault).load("ref1")
    assert back is not None
    assert back.act == ACT
    assert all(np.allclose(a.vector, b.vector, atol=1e-6) for a, b in zip(back.photos, template(1).photos, strict=True))


def test_without_a_roster_nothing_is_destroyed(faces: Faces, tmp_path: Path) -> None:
    """At a first start, or with a kept roster that cannot be read, nobody is known: that is no word about anybody's consent."""
    people = book(*(tenant(seed) for seed in range(5)))
    assert len(faces.rebuild(people, TODAY).enrolled) == 5
    force = faces.rebuild(Book("", NOW), TODAY)
    assert (force.enrolled, dict(force.galleries)) == ((), {})
    assert len(list(tmp_path.glob("*.key"))) == 5
    assert len(faces.rebuild(people, TODAY).enrolled) == 5


def test_a_clock_that_was_never_believed_ends_no_tenancy(faces: Faces, tmp_path: Path) -> None:
    """A chip that woke up years ahead destroys no template; once the day is known, it does."""
    people = book(*(tenant(seed, valid_until=NOW.date()) for seed in range(5)))
    ahead = date(2036, 1, 1)
    assert len(faces.rebuild(people, Day(ahead, sure=False)).enrolled) == 5
    assert faces.rebuild(people, Day(ahead)).enrolled == ()
    assert list(tmp_path.glob("*.key")) == []


def test_a_template_put_back_from_a_copy_is_destroyed(faces: Faces, tmp_path: Path) -> None:
    """Forgotten, and the old pair of files laid into the vault again: it is nobody's template. One enrolled since then is."""
    people = book(*(tenant(seed) for seed in range(5)))
    copies = {path: path.read_bytes() for path in tmp_path.glob("ref1.*")}
    assert len(copies) == 2
    assert faces.forget(people.tenants["ref1"].tenant_id, [], ["ref1"], NOW) == 1
    for path, content in copies.items():
        path.write_bytes(content)
    force = faces.rebuild(people, TODAY)
    assert "ref1" not in {one.ref for one in force.enrolled}
    assert list(tmp_path.glob("ref1.*")) == []
    faces.enrolled(replace(template(1), forgotten=1))
    assert "ref1" in {one.ref for one in faces.rebuild(people, TODAY).enrolled}
