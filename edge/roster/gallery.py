"""Whose face is this? The faces of an access point's tenants, searched whole. Here vectors become tenants.

A gallery is immutable: it is built when the roster changes, one for each set of groups that may pass somewhere, and swapped. Every row is
compared: 30,000 tenants take 0.4 ms, so nothing cleverer is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.contract import Embedding, Measure, OtherSpace, Space

PHOTOS = 5  # a tenant; the mean of three already cuts the misses to a third, and more than five bring nothing measurable

Matrix = NDArray[np.float32]
Owners = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One tenant's faces. `ref` is the person_ref; `extra` raises what this tenant's score and lead must reach (see `Gallery.judge`)."""

    ref: str
    photos: tuple[Embedding, ...] = field(repr=False)
    groups: frozenset[str] = frozenset()
    extra: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= len(self.photos) <= PHOTOS:
            raise ValueError(f"{len(self.photos)} photos, 1 to {PHOTOS} expected")


class Answer(StrEnum):
    """What a gallery says of a face."""

    TENANT = "tenant"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which likeness on a face is a tenant (`accept`), may be one (`doubt`), and by how much the best must lead the second."""

    accept: float
    doubt: float
    margin: float


@dataclass(frozen=True, slots=True)
class Match:
    """The nearest tenant, how near, and how far before the second: `lead` is None in a gallery of one. `ref` is None in an empty one."""

    ref: str | None
    score: float
    lead: float | None
    tenants: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with the match it rests on. A stranger's nearest tenant is evidence, not a name: use it only for TENANT."""

    answer: Answer
    match: Match


class Gallery:
    """Mean templates of tenants in one space."""

    def __init__(self, space: Space, refs: Sequence[str], templates: Matrix, extras: Sequence[float]) -> None:
        """Take rows as they are: `templates` float32 (tenants, dimensions), read-only from here on. Use `Gallery.of` for people."""
        if templates.shape != (len(refs), space.dimensions) or len(extras) != len(refs):
            raise ValueError(f"{templates.shape} rows for {len(refs)} tenants in {space}")
        self.space = space
        self._refs = tuple(refs)
        self._rows = {ref: row for row, ref in enumerate(self._refs)}
        if len(self._rows) != len(self._refs):
            raise ValueError("a tenant twice in one gallery")
        self._templates = np.ascontiguousarray(templates, dtype=np.float32)
        self._templates.setflags(write=False)
        self._extras = np.array(extras, np.float64)
        # |g - q|^2 = |g|^2 - 2 gq + |q|^2 lets distances run at the speed of a product.
        self._squares = np.einsum("ij,ij->i", self._templates, self._templates) if space.measure is Measure.EUCLIDEAN else None

    @classmethod
    def of(cls, space: Space, people: Iterable[Enrolled], groups: frozenset[str] | None = None) -> Gallery:
        """The gallery of the people in any of these groups (None: of everybody). Raises OtherSpace."""
        chosen = [one for one in people if groups is None or one.groups & groups]
        photos, owners = stacked(space, chosen)
        return cls(space, [one.ref for one in chosen], means(space, photos, owners, len(chosen)), [one.extra for one in chosen])

    def __len__(self) -> int:
        return len(self._refs)

    def search(self, probe: Embedding) -> Match:
        """The nearest tenant. Raises OtherSpace."""
        scores = self._scores(probe, self._templates, self._squares)
        if not scores.size:
            return Match(None, 0.0, None, 0)
        best = int(np.argmax(scores))
        score = float(scores[best])
        if scores.size == 1:
            return Match(self._refs[best], score, None, 1)
        scores[best] = -np.inf
        return Match(self._refs[best], score, score - float(scores.max()), len(self))

    def verify(self, ref: str, probe: Embedding) -> float | None:
        """How like a face is to the one tenant whose card was shown; None for who has no face here. Raises OtherSpace."""
        row = self._rows.get(ref)
        if row is None:
            return None
        part = slice(row, row + 1)
        return float(self._scores(probe, self._templates[part], None if self._squares is None else self._squares[part])[0])

    def judge(self, probe: Embedding, limits: Thresholds) -> Verdict:
        """Tenant, uncertain or unknown. Raises OtherSpace.

        A tenant's score must reach `accept` and lead the second by `margin`; for a tenant with whom somebody was once confused both
        are raised by `extra`. What falls short but reaches `doubt` is uncertain: more frames, a card, or the guard.
        """
        match = self.search(probe)
        if match.ref is None or match.score < limits.doubt:
            return Verdict(Answer.UNKNOWN, match)
        extra = float(self._extras[self._rows[match.ref]])
        near = match.score >= limits.accept + extra
        clear = match.lead is None or match.lead >= limits.margin + extra
        return Verdict(Answer.TENANT if near and clear else Answer.UNCERTAIN, match)

    def _scores(self, probe: Embedding, rows: Matrix, squares: NDArray[np.float32] | None) -> NDArray[np.float32]:
        if probe.space != self.space:
            raise OtherSpace(f"a face in {probe.space}, a gallery in {self.space}: enrol again")
        # Row by row on this thread: nearer to what memory delivers than the product of BLAS, which also wakes threads on the doors' core.
        product = np.asarray(np.vecdot(rows, probe.vector), np.float32)
        if squares is None:
            return product
        square = squares - 2 * product + probe.vector @ probe.vector
        return np.asarray(1 - np.sqrt(np.maximum(square, 0)), np.float32)


def stacked(space: Space, people: Sequence[Enrolled]) -> tuple[Matrix, Owners]:
    """All photos as rows, and for each row the index of its tenant. Raises OtherSpace."""
    for photo in (photo for one in people for photo in one.photos):
        if photo.space != space:
            raise OtherSpace(f"a photo in {photo.space}, a gallery in {space}: enrol again")
    rows = [photo.vector for one in people for photo in one.photos]
    owners = np.repeat(np.arange(len(people)), [len(one.photos) for one in people])
    return (np.stack(rows) if rows else np.empty((0, space.dimensions), np.float32)), owners.astype(np.int64)


def means(space: Space, photos: Matrix, owners: Owners, tenants: int) -> Matrix:
    """One template a tenant: the mean of the photos, brought back to unit length in a cosine space."""
    sums = np.zeros((tenants, space.dimensions), np.float32)
    np.add.at(sums, owners, photos)
    if space.measure is Measure.COSINE:
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
    return np.asarray(sums / np.maximum(np.bincount(owners, minlength=tenants), 1)[:, None], np.float32)


def likenesses(space: Space, some: Matrix, others: Matrix) -> Matrix:
    """The likeness of every row of one matrix to every row of another, shape (len(some), len(others))."""
    product = some @ others.T
    if space.measure is Measure.COSINE:
        return np.asarray(product, np.float32)
    squares = (some * some).sum(axis=1)[:, None] + (others * others).sum(axis=1)[None, :] - 2 * product
    return np.asarray(1 - np.sqrt(np.maximum(squares, 0)), np.float32)
