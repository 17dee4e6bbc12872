"""Is this face good enough to be judged? Its size, pose and light are measured before it becomes a vector, and its clarity after.

Clarity says best whether a look will match (bench/quality). The other measures keep out what no vector should be made of, and give a
person the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from models.align import CHIP, chip
from models.contract import Embedding, Face, Image, Layout
from models.spaces import CARDS

# The tip of the nose stands about 0.6 eye distances before the plane of the eyes (38 mm to 63 mm on an adult). As the head turns, the nose
# wanders sideways between the eyes by tan(yaw) times this, and up or down between eyes and mouth by tan(pitch) times this.
NOSE = 0.6
# On ArcFace's frontal points the nose lies this far down from the eyes to the mouth, and eyes and mouth are this many eye distances apart.
NOSE_DOWN, FACE_LONG = 0.495, 1.155


class Poor(StrEnum):
    """Why a face is too poor to be judged, the most helpful word to a person first. `unsure`: covered, or no measure says it."""

    TOO_SMALL = "too_small"
    CUT_OFF = "cut_off"
    TURNED = "turned"
    TILTED = "tilted"
    UNSURE = "unsure"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    FLAT = "flat"
    BLURRED = "blurred"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is asked of a face."""

    eyes_px: float  # distance between the eyes
    turn: float  # degrees, yaw and pitch
    tilt: float  # degrees, roll: alignment undoes it, so it may be large
    clarity: float  # of the vector: see `clarity`
    dark: float  # mean grey of the chip, 0..255
    bright: float
    contrast: float  # standard deviation of grey
    inside: float  # share of the chip that the picture covers
    sure: float  # the score of a detector that finds a mouth (YuNet): on a face that lies or stands on its head its points are wrong


# A passport photo asks for 5 degrees and 60 px; a phone's snapshot at a counter gets these. The chip shows the eyes 35 px apart: with fewer
# it holds nothing new. Of 112 good upright pictures of LFW the lowest score was 0.903; of 148 turned ones that met the other limits nine in
# ten had less than 0.88.
ENROL = Limits(eyes_px=36, turn=25, tilt=30, clarity=0.5, dark=50, bright=215, contrast=22, inside=0.98, sure=0.88)
# At the gate people walk, and clarity decides: of looks that would match, a third refuses fifteen in a thousand, and of the others 43 in a
# hundred. The other limits keep out what was not tried. In the darkest and the brightest condition of bench/conditions 98 in 100
# of the looks that matched had a grey of 10 to 245 and a contrast of 4; eyes 16 px apart still matched.
SIGHT = Limits(eyes_px=14, turn=40, tilt=45, clarity=0.33, dark=10, bright=245, contrast=4, inside=0.90, sure=0.0)

# The likely reason of a face that is not clear though it meets the limits, the first that is true.
LIKELY_BLURRED, LIKELY_DARK, LIKELY_BRIGHT, LIKELY_TURNED, LIKELY_TILTED = 0.025, 60.0, 190.0, 20.0, 15.0


@dataclass(frozen=True, slots=True)
class Quality:
    """A face measured. `poor` is empty when it meets the limits.

    `sharpness` is the standard deviation of the chip's Laplacian over 8 times that of its grey values, so that neither light nor
    contrast enters: near 0.2 for a clear photo, 0.03 after a blur of 2 px on the 112 px chip. `pitch` is None where the points
    show no mouth.
    """

    eyes_px: float
    yaw: float
    pitch: float | None
    roll: float
    sharpness: float
    brightness: float
    contrast: float
    inside: float
    poor: tuple[Poor, ...]

    def unclear(self) -> Poor:
        """The likely reason why the network saw no clear face."""
        likely = {
            Poor.TOO_DARK: self.brightness < LIKELY_DARK,
            Poor.TOO_BRIGHT: self.brightness > LIKELY_BRIGHT,
            Poor.TURNED: max(abs(self.yaw), abs(self.pitch or 0.0)) > LIKELY_TURNED,
            Poor.TILTED: abs(self.roll) > LIKELY_TILTED,
            Poor.BLURRED: self.sharpness < LIKELY_BLURRED,
        }
        return next((reason for reason, true in likely.items() if true), Poor.UNSURE)


def clarity(embedding: Embedding) -> float:
    """0 (nobody can be told by it) to 1 (as clear as can be), from the length of the network's output; 1 where that says nothing."""
    lengths = CARDS[embedding.space].lengths
    if lengths is None:
        return 1.0
    low, high = lengths
    return min(1.0, max(0.0, (embedding.length - low) / (high - low)))


def assess(image: Image, face: Face, limits: Limits) -> Quality:
    """Measure a face against the limits."""
    left, right = face.eyes().astype(float)
    across = right - left
    eyes = float(np.hypot(*across))
    roll = math.degrees(math.atan2(across[1], across[0]))
    yaw, pitch = _turn(face, left, right, eyes)
    inside, upright = _upright(image, face)
    grey = cv2.cvtColor(upright, cv2.COLOR_BGR2GRAY).astype(np.float32)
    heart = grey[28:104, 20:92]  # brows to chin: hair and background say nothing of the face's light
    contrast = float(heart.std())
    edges = cv2.Laplacian(heart, cv2.CV_32F)
    sharpness = float(edges.std()) / (8.0 * contrast) if contrast > 0 else 0.0
    brightness = float(heart.mean())
    worst = max(abs(yaw), abs(pitch or 0.0))
    found = {
        Poor.TOO_SMALL: eyes < limits.eyes_px,
        Poor.CUT_OFF: inside < limits.inside,
        Poor.TURNED: worst > limits.turn,
        Poor.TILTED: abs(roll) > limits.tilt,
        Poor.UNSURE: face.layout is Layout.ARCFACE and face.score < limits.sure,
        Poor.TOO_DARK: brightness < limits.dark,
        Poor.TOO_BRIGHT: brightness > limits.bright,
        Poor.FLAT: contrast < limits.contrast,
    }
    poor = tuple(reason for reason, true in found.items() if true)
    return Quality(eyes, yaw, pitch, roll, sharpness, brightness, contrast, inside, poor)


def _turn(face: Face, left: np.ndarray, right: np.ndarray, eyes: float) -> tuple[float, float | None]:
    """Yaw (positive: the nose points to the picture's right) and pitch (positive: down), in degrees, from five points."""
    if eyes == 0.0:
        return 90.0, None
    along = (right - left) / eyes
    down = np.array([-along[1], along[0]])
    arcface = face.layout is Layout.ARCFACE
    nose = face.points[2 if arcface else 4].astype(float) - (left + right) / 2
    yaw = math.degrees(math.atan2(float(nose @ along) / eyes, NOSE))
    if not arcface:
        return yaw, None
    mouth = float((face.points[3:5].astype(float).mean(axis=0) - (left + right) / 2) @ down)
    if mouth <= 0.0:
        return yaw, 90.0
    off = (float(nose @ down) / mouth - NOSE_DOWN) * FACE_LONG
    return yaw, math.degrees(math.atan2(off, NOSE))


def _upright(image: Image, face: Face) -> tuple[float, Image]:
    """The share of the aligned chip that the picture covers, and the chip. Points without a mouth get an upright square box instead."""
    height, width = image.shape[:2]
    if face.layout is Layout.ARCFACE:
        upright = chip(image, face.points)
        full = chip(np.full((height, width, 3), 255, np.uint8), face.points)
        return float(np.count_nonzero(full[:, :, 0]) / full[:, :, 0].size), upright
    box = face.box
    left, top = int(max(box.x, 0)), int(max(box.y, 0))
    part = image[top : math.ceil(box.y + box.height), left : math.ceil(box.x + box.width)]
    if part.size == 0:
        return 0.0, np.zeros((CHIP, CHIP, 3), np.uint8)
    seen = part.shape[0] * part.shape[1] / max(box.area, 1.0)
    return min(1.0, seen), np.asarray(cv2.resize(part, (CHIP, CHIP), interpolation=cv2.INTER_AREA), dtype=np.uint8)
