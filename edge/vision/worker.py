"""The worker process: `python -m edge.vision.worker`, its task on stdin as one JSON line, its messages on stdout; both are one socket.

It is started by edge/vision/link.py with an empty environment, at nice +10, and confines itself before it looks at anything. It holds the
passwords of its own cameras and nothing else. Later lines on stdin are `{"drop": [camera, track]}`; the end of stdin ends the process.
"""

from __future__ import annotations

import io
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from pydantic import BaseModel

import drivers.camera
import models
from drivers.camera import down
from drivers.camera.contract import Camera, CameraState
from drivers.camera.stream import AvPicture
from edge import slices
from edge.vision.area import Area
from edge.vision.confine import confine, confine_files
from edge.vision.looker import Looker
from edge.vision.sighting import Beat, CameraSaid, Message, Started
from edge.vision.task import CameraTask, Task
from models.boxes import Box
from models.contract import Face, Layout, Options
from models.points import SIDE
from models.weights import Weights

NICE = 10  # doors first: with the worker here, card to relay stays within a few ms on two busy cores
BEAT_S = 1.0
FROZEN_S = 5.0  # without a packet: the camera is lost, whatever its connection says
NO_CAMERA = ("127.255.255.254", 9)  # the last loopback address, discard: nothing listens there and no camera has it
THREADS_S = 5  # to start three threads
# Three cameras take 130 MB more than the loaded engine (305 MB resident in all), each further one some 40, of sixteen at most.
MORE_MB = 1024
PAUSE_S = 0.004  # when no camera has a new frame


def main() -> None:
    """Run until stdin ends."""
    os.nice(NICE)
    slices.ask_for(slices.LONG_NS)
    # Cameras that go and come are said over the pipe; here they would be said twice.
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="%(message)s")
    sys.excepthook = _end
    threading.excepthook = lambda failed: _end(failed.exc_type, failed.exc_value, failed.exc_traceback)
    cv2.setNumThreads(1)
    task = Task.model_validate_json(_first_line())
    say = _Pipe()
    weights = Weights(Path(task.weights), [Path(folder) for folder in task.others])
    models.prepare(task.engine, weights, task.runtime)
    # Before the engine's threads: names are resolved and certificates read while that can be done, and then files are given up.
    chosen = {camera.name: (camera.driver, found) for camera in task.cameras if (found := _options(camera)) is not None}
    cameras = {name: drivers.camera.make(driver, options) for name, (driver, options) in chosen.items()}
    files, devices, ports = _needs([options for _, options in chosen.values()])
    confine_files([Path(task.weights), *map(Path, task.others), *files], devices, ports)
    engine = models.make(task.engine, weights, Options(), task.runtime)
    if engine is None:
        raise SystemExit("no engine: nothing to look for")
    _warm(engine)
    address_rules = _address_rules()
    held = confine(files, devices, ports, task.memory_mb, more_mb=MORE_MB, compiles=engine.runtime == "openvino")
    # Said now: no camera has been looked at, so these are the words of this code and of nobody who took it over.
    space = str(engine.embedder.space)
    started = Started.model_validate(
        {"engine": engine.name, "runtime": engine.runtime, "space": space, "missing": held.missing, "address_rules": address_rules}
    )
    say(Message(header=started))
    for camera in task.cameras:
        if camera.name not in cameras:
            say(Message(header=CameraSaid(camera=camera.name, up=False, why="failed")))
    lookers = {c.name: Looker(c.name, engine, say, area=Area(c.area), card_first=c.card_first, crops=task.crops) for c in task.cameras}
    # A thread that finds no memory to begin with is waited for without end (CPython's Thread.start): then the kernel ends us.
    signal.alarm(THREADS_S)
    threading.Thread(target=_listen, args=(lookers,), daemon=True).start()
    for one in cameras.values():
        one.start()
    signal.alarm(0)
    _look_forever(cameras, lookers, say)


def _end(kind: type[BaseException], _why: BaseException | None, trace: TracebackType | None) -> None:
    """Say in one line what ends this process, and end it whichever thread it was: a worker without one of its threads is blind.

    Not the message: FFmpeg's quote URLs, and the daemon's log is read by many.
    """
    where = traceback.extract_tb(trace)[-1:] if trace is not None else []
    place = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in where)
    os.write(2, f"vision worker ends: {kind.__name__}{place}\n".encode())
    os._exit(1)


def _first_line() -> bytes:
    """The task, read without a buffer that would swallow what comes after it."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            raise SystemExit("no task on stdin")
        line += byte
    return line


def _look_forever(cameras: dict[str, Camera], lookers: dict[str, Looker], say: Callable[[Message], None]) -> None:
    numbers = dict.fromkeys(cameras, 0)
    said: dict[str, bool] = {}
    beaten = time.monotonic()
    while True:
        seen = False
        for name, camera in cameras.items():
            frame = camera.newest(numbers[name], 0)
            if frame is not None:
                seen, numbers[name] = True, frame.number
                camera.idle(not lookers[name].look(frame))
        now = time.monotonic()
        if now - beaten >= BEAT_S:
            beaten = now
            for name, camera in cameras.items():
                _report(name, camera.state(), said, say)
            faces = sum(looker.faces for looker in lookers.values())
            say(Message(header=Beat(frames=sum(numbers.values()), faces=faces, rss_mb=_rss_mb())))
        if not seen:
            time.sleep(PAUSE_S)


def _report(name: str, state: CameraState, said: dict[str, bool], say: Callable[[Message], None]) -> None:
    """Say once when a camera goes and once when it comes; a camera that never came is said to be away after its first failure."""
    frozen = state.packet_age_s is not None and state.packet_age_s > FROZEN_S
    up = state.up and not frozen
    if said.get(name) == up or (name not in said and state.why == "starting"):
        return
    said[name] = up
    why = "" if up else ("no picture" if state.up else down.known(state.why))
    say(Message(header=CameraSaid(camera=name, up=up, why=why)))


def _listen(lookers: dict[str, Looker]) -> None:
    """Obey the daemon; its end is ours."""
    waiting = b""
    while chunk := os.read(0, 4096):
        *lines, waiting = (waiting + chunk).split(b"\n")
        for line in lines:
            name, track = json.loads(line)["drop"]
            if name in lookers:
                lookers[name].drop(int(track))
    os._exit(0)


class _Pipe:
    """Messages out, one at a time, whole."""

    def __init__(self) -> None:
        # A library that prints must not garble the pipe: stdout becomes stderr for everybody else.
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)

    def __call__(self, message: Message) -> None:
        data = memoryview(message.encode())
        while data:
            data = data[self._out.write(data) :]


def _address_rules() -> bool:
    """Whether the kernel refuses packets to an address that is no camera's: IPAddressDeny= of the unit. Nothing leaves the machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.sendto(b"", NO_CAMERA)
        except PermissionError:
            return True
        except OSError:
            return False
    return False


def _options(camera: CameraTask) -> BaseModel | None:
    """The driver's options with its host resolved, because the sandbox has no name service; None where its address cannot be one."""
    try:
        chosen = drivers.camera.options(camera.driver).model_validate(camera.options)
        address = getattr(chosen, "address", None)
        if address is None:
            return chosen
        host = address()[0]
        number = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        return chosen if host == number else chosen.at(str(number))  # type: ignore[attr-defined]  # who has an address can be put at another
    except OSError:
        return chosen  # reported as a camera that does not answer; the next worker asks again
    except ValueError:  # a port that is no number, a name that no name service takes: that camera is down, the others are not
        return None


def _needs(chosen: list[BaseModel]) -> tuple[list[Path], list[Path], list[int]]:
    """What must stay reachable: recordings, devices, the cameras' ports."""
    files = [Path(options.path) for options in chosen if hasattr(options, "path")]
    devices = [Path(options.device) for options in chosen if hasattr(options, "device")]
    ports = [options.address()[1] for options in chosen if hasattr(options, "address")]
    return files, devices, ports


def _warm(engine: models.contract.Engine) -> None:
    """Use everything once: what is imported or loaded late could not be loaded at all from inside the cage."""
    blank = np.zeros((360, 640, 3), np.uint8)
    points = np.array([(300, 150), (340, 150), (320, 175), (305, 195), (335, 195)], np.float32)
    noise = np.random.default_rng(1).integers(0, 255, blank.shape, np.uint8)
    # dlib's embedder takes no other engine's points.
    face = Face(Box(280, 120, 80, 100), points, 1.0, Layout.EYE_CORNERS if engine.name == "dlib" else Layout.ARCFACE)
    engine.detector.detect(blank)
    engine.detector.detect(blank[:SIDE, :SIDE])
    engine.embedder.embed(noise, face)
    if engine.liveness is not None:
        engine.liveness.live(noise, face)
    cv2.imencode(".jpg", blank)
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as writer:
        stream = writer.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        writer.mux(stream.encode(av.VideoFrame.from_ndarray(blank, format="bgr24")))
        writer.mux(stream.encode())
    film.seek(0)
    with av.open(film, "r") as reader:
        picture = AvPicture(next(reader.decode(video=0)))
        picture.bgr()
        picture.luma(64, 36)


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
