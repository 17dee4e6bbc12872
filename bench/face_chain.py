"""A face found, turned upright and made a vector: this gateway's engine against the face_recognition library, on the same frames.

One face a frame, one thread, CPU time of the process, frames of both taken in turns so that a busy machine is unfair to neither.
face_recognition is played by what it is made of: dlib's detector with one doubling, the five points, dlib's ResNet.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from bench._eyes import most_resident_mb, watching
from bench.faces import weights
from models import make, prepare, runtimes
from models.contract import Engine, Image, Options
from models.points import refined

SIZES = ((640, 360), (1280, 720))
ROUNDS = 15
WEIGH_S = 20.0  # two and a half times through the film: what a worker needs at most shows within the first
FACE = 0.35  # of the frame's height: somebody two steps before a gate

Chain = Callable[[Image], int]


def main() -> None:
    """Print the table; with --json the figures on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures on the last line")
    parser.add_argument("--memory", nargs=2, metavar=("RUNTIME", "FRAMES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.memory:
        print(resident_mb(*arguments.memory))
        return
    figures = measure()
    if arguments.json:
        print(json.dumps({"bench": "face_chain", "figures": figures}))


def measure() -> dict[str, float]:
    """Print a row a chain and a size."""
    chains = {f"standard, {name}": chain(_engine(name, Options())) for name in runtimes()}
    chains["standard, openvino, exact"] = chain(_engine("openvino", Options(exact=True)))
    chains |= {f"standard, {name}, every pixel searched": chain(_engine(name, Options(longest=1 << 16))) for name in runtimes()}
    if importlib.util.find_spec("dlib") is not None and importlib.util.find_spec("face_recognition_models") is not None:
        chains["face_recognition (dlib)"] = face_recognition()
    else:
        print("dlib: not installed, nothing to compare with")
    figures: dict[str, float] = {}
    for width, height in SIZES:
        frames = [frame(width, height, step) for step in range(ROUNDS)]
        spent: dict[str, list[float]] = {name: [] for name in chains}
        for name, run in chains.items():
            if run(frames[0]) != 1:
                print(f"  {name}: not one face in the frame")
        for picture in frames:
            for name, run in chains.items():
                begun = time.process_time()
                run(picture)
                spent[name].append((time.process_time() - begun) * 1000)
        print(f"\n  {width}x{height}, one face {FACE * height:.0f} px high, CPU ms a frame")
        theirs = float(np.median(spent.get("face_recognition (dlib)", [float("nan")])))
        for name, times in spent.items():
            ours = float(np.median(times))
            print(f"    {name:<42} p50 {ours:7.1f}  max {max(times):7.1f}  face_recognition takes {theirs / ours:5.1f} x")
        if (width, height) == SIZES[0]:
            best = float(np.median(spent[next(iter(chains))]))
            figures = {"cpu_ratio_vs_face_recognition": round(theirs / best, 2), "detect_embed_ms": round(best, 2)}
    with tempfile.NamedTemporaryFile(suffix=".npy") as kept:
        np.save(kept, np.stack([frame(1280, 720, step) for step in range(5)]))
        kept.flush()
        for name in runtimes():
            asked = [sys.executable, "-m", "bench.face_chain", "--memory", name, kept.name]
            resident = float(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-1])
            print(f"  memory of a process with the standard engine on {name} and 1280x720 frames: {resident:.0f} MB")
    if importlib.util.find_spec("av") is None:
        print("  av: not installed, no worker to weigh")
        return figures
    with tempfile.TemporaryDirectory() as folder, watching(Path(folder), workers=1, cameras=1) as (eyes,):
        resident = most_resident_mb(eyes, WEIGH_S)
        told = eyes.started
        print(
            f"  the whole worker, confined ({', '.join(told.missing) or 'nothing missing' if told else '?'}), one 1280x720 clip camera, "
            f"{WEIGH_S:.0f} s, {eyes.frames} frames, {eyes.faces} faces, {eyes.embedded} embedded: {resident:.0f} MB at most (aim: 320)"
        )
        figures["worker_rss_mb"] = round(resident, 1)
    return figures


def chain(engine: Engine) -> Chain:
    """Detect, find the points again where that is worth it, align, embed."""

    def run(picture: Image) -> int:
        faces = engine.detector.detect(picture)
        for face in faces:
            engine.embedder.embed(picture, refined(picture, face, engine.detector))
        return len(faces)

    return run


def face_recognition() -> Chain:
    """face_locations(number_of_times_to_upsample=1) and face_encodings(model="small"), as the library calls dlib."""
    import dlib

    places = weights()
    find = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(places.find("dlib_five_points")))
    network = dlib.face_recognition_model_v1(str(places.find("dlib_resnet")))

    def run(picture: Image) -> int:
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        boxes = find(rgb, 1)
        for box in boxes:
            network.compute_face_descriptor(rgb, points(rgb, box), 1)
        return len(boxes)

    return run


def frame(width: int, height: int, step: int) -> Image:
    """A grey, faintly textured hall with one person in it, a little further on at every step."""
    import skimage.data

    picture = np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]  # scikit-image has no types here

    whole = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)[0:300, 80:340]  # head and shoulders; the face is 114 px high
    factor = FACE * height / 114
    person = cv2.resize(whole, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)[:height]
    rng = np.random.default_rng(7)
    coarse = rng.integers(90, 150, (height // 40 + 1, width // 40 + 1, 3), dtype=np.uint8)
    hall = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    left = (step * 17) % (width - person.shape[1])
    hall[height - person.shape[0] :, left : left + person.shape[1]] = person
    return np.asarray(hall, np.uint8)


def resident_mb(runtime: str, frames: str) -> float:
    """Resident memory of this process after the frames of a file; capturing is not in it."""
    run = chain(_engine(runtime, Options()))
    for picture in np.load(frames):
        run(picture)
    with Path("/proc/self/status").open(encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def _engine(runtime: str, options: Options) -> Engine:
    places = weights()
    prepare("standard", places, runtime)
    made = make("standard", places, options, runtime)
    if made is None:
        raise ValueError(runtime)
    return made


if __name__ == "__main__":
    main()
