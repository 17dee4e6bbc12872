"""Boxes, alignment, embeddings: the arithmetic without a network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.align import ARCFACE, CHIP, chip, similarity
from models.boxes import Box, square_within, survivors
from models.contract import Embedding, Face, Layout, Measure, OtherSpace, Space

SPACE = Space("test", "1", 4)
FAR = Space("test", "1", 4, Measure.EUCLIDEAN)
numbers = st.floats(-300, 300, allow_nan=False, width=32)


@given(st.floats(-math.pi, math.pi), st.floats(0.05, 20), numbers, numbers)
def test_similarity_undoes_a_turn_a_scale_and_a_shift(angle: float, scale: float, right: float, down: float) -> None:
    """Five points turned, scaled and shifted come back to where the network wants them."""
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = (ARCFACE @ turn.T + (right, down)).astype(np.float32)
    matrix = similarity(moved, ARCFACE)
    assert np.allclose(moved @ matrix[:, :2].T + matrix[:, 2], ARCFACE, atol=0.05 / min(scale, 1))


def test_similarity_never_mirrors() -> None:
    """A mirrored face is fitted as well as a turn can, not flipped into somebody else."""
    mirrored = ARCFACE.astype(np.float32) * (-1, 1)
    assert np.linalg.det(similarity(mirrored.astype(np.float32), ARCFACE)[:, :2]) > 0


def test_points_in_one_place_are_refused() -> None:
    """No direction can be read from one point."""
    with pytest.raises(ValueError, match="one place"):
        similarity(np.ones((5, 2), np.float32), ARCFACE)


def test_chip_of_a_picture_already_aligned_is_the_picture() -> None:
    """Points where they should be leave a chip untouched."""
    picture = np.random.default_rng(1).integers(0, 255, (CHIP, CHIP, 3), dtype=np.uint8)
    assert np.abs(chip(picture, ARCFACE.astype(np.float32)).astype(int) - picture).max() <= 1


def test_large_face_is_averaged_not_sampled() -> None:
    """A face eight times too large with a fine chequer comes out as even grey, not as a coarse pattern."""
    side = CHIP * 8
    chequer = np.indices((side, side)).sum(axis=0) % 2 * 255
    picture = np.repeat(chequer[:, :, None], 3, axis=2).astype(np.uint8)
    inner = chip(picture, (ARCFACE * 8 + 3.5).astype(np.float32))[10:-10, 10:-10]
    assert inner.std() < 8
    assert abs(float(inner.mean()) - 127.5) < 4


def test_large_face_keeps_its_place() -> None:
    """Shrinking by area first does not move the face: a smooth slope stays where the points say."""
    side = CHIP * 6
    slope = np.repeat(np.linspace(0, 255, side)[None, :, None], side, axis=0).repeat(3, axis=2).astype(np.uint8)
    small = chip(slope, (ARCFACE * 6 + 2.5).astype(np.float32)).astype(float)[:, :, 0]
    expected = np.linspace(0, 255, side)[2::6][:CHIP]
    assert np.abs(small[56, 8:-8] - expected[8:-8]).max() < 3


def test_survivors_keep_the_best_of_overlapping_boxes() -> None:
    """One face is one box, whichever order the candidates come in; distant ones all stay, up to the limit."""
    boxes = np.array([(0, 0, 10, 10), (1, 0, 10, 10), (50, 50, 10, 10), (0, 1, 10, 10)], np.float32)
    scores = np.array([0.7, 0.9, 0.8, 0.6], np.float32)
    assert survivors(boxes, scores, 0.3, 10) == [1, 2]
    assert survivors(boxes, scores, 0.3, 1) == [1]
    assert survivors(boxes[:0], scores[:0], 0.3, 10) == []


def test_overlap_of_boxes() -> None:
    """Intersection over union, 0 when apart, 1 when the same."""
    box = Box(0, 0, 10, 10)
    assert box.overlap(box) == 1.0
    assert box.overlap(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert box.overlap(Box(20, 20, 5, 5)) == 0.0


@given(numbers, numbers, st.floats(1, 400), st.floats(1, 400), st.floats(1, 5))
def test_square_stays_within_the_picture(x: float, y: float, width: float, height: float, scale: float) -> None:
    """However near the edge a face is, its surroundings are cut from inside the picture."""
    square = square_within(Box(x, y, width, height), scale, 320, 240)
    assert square.width == square.height <= 240
    assert 0 <= square.x <= 320 - square.width + 1e-6
    assert 0 <= square.y <= 240 - square.height + 1e-6


def test_embedding_has_unit_length_and_cannot_be_written() -> None:
    """A cosine space compares directions only, and nobody changes a vector that others hold."""
    made = Embedding.of(SPACE, np.array([3, 0, 0, 4]))
    assert made.vector.tolist() == pytest.approx([0.6, 0, 0, 0.8])
    with pytest.raises(ValueError, match="read-only"):
        made.vector[0] = 1
    assert "0.6" not in repr(made)


@pytest.mark.parametrize("raw", [np.zeros(4), np.ones(3), np.array([1, np.nan, 0, 0])])
def test_broken_output_is_no_embedding(raw: np.ndarray) -> None:
    """A null vector, a wrong length and a NaN are refused, not matched."""
    with pytest.raises(ValueError, match="test/1"):
        Embedding.of(SPACE, raw)


@pytest.mark.parametrize(
    "other",
    [Space("test", "2", 4), Space("else", "1", 4), FAR],
)
def test_two_spaces_are_never_compared(other: Space) -> None:
    """Another network, other weights or another measure: no number is given."""
    with pytest.raises(OtherSpace):
        Embedding.of(SPACE, np.ones(4)).likeness(Embedding.of(other, np.ones(4)))


def test_likeness_is_one_for_the_same_face_in_either_measure() -> None:
    """The higher the more alike, 1 at most, cosine or distance."""
    near, far = np.array([1.0, 0, 0, 0]), np.array([0, 0.5, 0, 0])
    assert Embedding.of(SPACE, near).likeness(Embedding.of(SPACE, 2 * near)) == pytest.approx(1)
    assert Embedding.of(FAR, near).likeness(Embedding.of(FAR, near)) == 1
    assert Embedding.of(FAR, near).likeness(Embedding.of(FAR, far)) == pytest.approx(1 - math.sqrt(1.25))


def test_eyes_by_layout() -> None:
    """The left eye as seen comes first, whichever points a detector gives."""
    points = np.array([(40, 10), (30, 10), (10, 10), (20, 10), (25, 30)], np.float32)
    assert Face(Box(0, 0, 50, 50), points, 1.0, Layout.EYE_CORNERS).eyes().tolist() == [[15, 10], [35, 10]]
    assert Face(Box(0, 0, 50, 50), ARCFACE.astype(np.float32), 1.0).eyes().tolist() == ARCFACE[:2].astype(np.float32).tolist()
