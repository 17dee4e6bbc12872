"""Whose face is this: the nearest tenant, how near, and how far before the second."""

from __future__ import annotations

import numpy as np
import pytest

from edge.roster.gallery import Answer, Enrolled, Gallery, Thresholds, likenesses, means, stacked
from models.contract import Embedding, Measure, OtherSpace, Space

COSINE = Space("test", "1", 8)
FAR = Space("test", "1", 8, Measure.EUCLIDEAN)
LIMITS = Thresholds(accept=0.6, doubt=0.4, margin=0.05)


def along(*axes: float, space: Space = COSINE) -> Embedding:
    """An embedding with these first coordinates, of unit length by the rest."""
    rest = max(0.0, 1 - sum(a * a for a in axes)) ** 0.5
    return Embedding.of(space, np.array([*axes, *[0.0] * (7 - len(axes)), rest]))


def person(ref: str, *photos: Embedding, groups: str = "all", extra: float = 0.0) -> Enrolled:
    """A tenant of a gallery."""
    return Enrolled(ref, photos, frozenset(groups.split()), extra)


def axis(number: int, space: Space = COSINE) -> Embedding:
    """A face unlike all others."""
    return Embedding.of(space, np.eye(8)[number])


@pytest.mark.parametrize("space", [COSINE, FAR])
def test_nearest_tenant_and_lead(space: Space) -> None:
    """The best of the gallery with its score, and the distance to the next."""
    gallery = Gallery.of(space, [person("a", axis(0, space)), person("b", axis(1, space)), person("c", axis(2, space))])
    probe = along(0.8, 0.3, space=space)
    match = gallery.search(probe)
    assert match.ref == "a"
    assert match.tenants == 3
    assert match.score == pytest.approx(probe.likeness(axis(0, space)), abs=1e-5)
    assert match.lead == pytest.approx(probe.likeness(axis(0, space)) - probe.likeness(axis(1, space)), abs=1e-5)


def test_matrix_and_single_scores_agree() -> None:
    """Search, verify, likenesses and one pair's likeness are one number, cosine or distance."""
    rng = np.random.default_rng(3)
    for space in (COSINE, FAR):
        faces = [Embedding.of(space, rng.normal(size=8)) for _ in range(20)]
        gallery = Gallery.of(space, [person(str(i), face) for i, face in enumerate(faces)])
        probe = Embedding.of(space, rng.normal(size=8))
        single = [probe.likeness(face) for face in faces]
        whole = likenesses(space, probe.vector[None], np.stack([face.vector for face in faces]))[0]
        assert whole == pytest.approx(single, abs=1e-5)
        assert gallery.search(probe).score == pytest.approx(max(single), abs=1e-5)
        assert [gallery.verify(str(i), probe) for i in range(20)] == pytest.approx(single, abs=1e-5)


def test_who_has_no_face_here_is_not_verified() -> None:
    """A card without a face is None, not a low score."""
    assert Gallery.of(COSINE, [person("a", axis(0))]).verify("b", axis(0)) is None


def test_template_is_the_mean_of_the_photos() -> None:
    """Between three photos the mean is nearer to a fourth than two of them are."""
    photos = (along(0.9, 0.3), along(0.9, -0.3), along(0.9, 0.0, 0.3))
    rows, owners = stacked(COSINE, [person("a", *photos)])
    template = means(COSINE, rows, owners, 1)
    assert np.linalg.norm(template) == pytest.approx(1)
    assert float(template[0] @ along(0.95).vector) > min(photo.likeness(along(0.95)) for photo in photos)


@pytest.mark.parametrize("count", [0, 6])
def test_one_to_five_photos(count: int) -> None:
    """More photos than five are refused, and a tenant without any has no face."""
    with pytest.raises(ValueError, match="photos"):
        person("a", *[axis(0)] * count)


def test_only_the_groups_of_the_access_point_are_searched() -> None:
    """Somebody of another building is not found at this gate, however like."""
    people = [person("here", axis(0), groups="residents"), person("there", axis(1), groups="staff office")]
    gallery = Gallery.of(COSINE, people, frozenset({"residents", "guards"}))
    assert len(gallery) == 1
    assert gallery.judge(axis(1), LIMITS).answer is Answer.UNKNOWN
    assert Gallery.of(COSINE, people).judge(axis(1), LIMITS).answer is Answer.TENANT


@pytest.mark.parametrize(
    ("probe", "answer"),
    [
        (along(0.9), Answer.TENANT),
        (along(0.61), Answer.TENANT),
        (along(0.59), Answer.UNCERTAIN),
        (along(0.41), Answer.UNCERTAIN),
        (along(0.39), Answer.UNKNOWN),
        (along(-0.9), Answer.UNKNOWN),
        (along(0.70, 0.66), Answer.UNCERTAIN),
        (along(0.72, 0.60), Answer.TENANT),
    ],
)
def test_three_answers(probe: Embedding, answer: Answer) -> None:
    """Above the threshold and clear of the second: tenant; near or contested: uncertain; else unknown."""
    gallery = Gallery.of(COSINE, [person("a", axis(0)), person("b", axis(1))])
    assert gallery.judge(probe, LIMITS).answer is answer


def test_twins_are_never_told_apart_by_a_hair() -> None:
    """Two tenants of one face: always uncertain, so card or guard decides."""
    gallery = Gallery.of(COSINE, [person("a", along(0.99, 0.01)), person("b", along(0.99, -0.01))])
    assert gallery.judge(along(0.98), LIMITS).answer is Answer.UNCERTAIN


def test_not_this_person_raises_what_that_tenant_needs() -> None:
    """After a guard's word the same face needs a higher score and a wider lead for that tenant alone."""
    before = Gallery.of(COSINE, [person("a", axis(0)), person("b", axis(1))])
    after = Gallery.of(COSINE, [person("a", axis(0), extra=0.1), person("b", axis(1))])
    assert before.judge(along(0.65), LIMITS).answer is Answer.TENANT
    assert after.judge(along(0.65), LIMITS).answer is Answer.UNCERTAIN
    assert after.judge(along(0.75), LIMITS).answer is Answer.TENANT
    assert after.judge(along(0.72, 0.60), LIMITS).answer is Answer.UNCERTAIN
    assert after.judge(along(0.0, 0.65), LIMITS).answer is Answer.TENANT


def test_empty_gallery_knows_nobody_and_one_tenant_has_no_second() -> None:
    """A new house: no faces, no error; the first tenant has no lead to keep."""
    assert Gallery.of(COSINE, []).judge(axis(0), LIMITS).answer is Answer.UNKNOWN
    match = Gallery.of(COSINE, [person("a", axis(0))]).search(axis(0))
    assert (match.ref, match.lead) == ("a", None)


@pytest.mark.parametrize("other", [Space("test", "2", 8), FAR])
def test_other_space_is_refused_everywhere(other: Space) -> None:
    """New weights: no face of old ones is searched, verified or enrolled among them."""
    gallery = Gallery.of(COSINE, [person("a", axis(0))])
    for ask in (gallery.search, lambda probe: gallery.verify("a", probe), lambda probe: gallery.judge(probe, LIMITS)):
        with pytest.raises(OtherSpace):
            ask(axis(0, other))
    with pytest.raises(OtherSpace):
        Gallery.of(COSINE, [person("a", axis(0)), person("b", axis(1, other))])


def test_gallery_is_immutable_and_tenants_are_distinct() -> None:
    """What a gate holds does not change under it, and nobody is in it twice."""
    rows = np.eye(8, dtype=np.float32)[:1].copy()
    gallery = Gallery(COSINE, ["a"], rows, [0.0])
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0
    assert gallery.search(axis(0)).score == pytest.approx(1)
    with pytest.raises(ValueError, match="twice"):
        Gallery.of(COSINE, [person("a", axis(0)), person("a", axis(1))])
