"""The cameras' side of the gates: cameras that do not say where their stream is cost the others nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.errors import NoAnswer
from edge.access.events import AccessGranted, DeviceBack, DeviceLost, Event, PersonUnknown
from edge.access.reasons import Reason
from edge.access.terms import Book, Direction, Method
from edge.clock import PlainClock, Trust
from edge.custody.vault import Vault
from edge.gate import lookout
from edge.gate.followed import CameraPlan
from edge.gate.lookout import Lookout
from edge.gate.watch import CLAIM_S, Watch
from edge.vision.settings import RecognitionSettings
from edge.vision.sighting import CameraSaid, Message
from edge.vision.task import CameraTask, Task
from tests.gate.house import Notes
from tests.gate.test_watch import BEGAN, Gate


class FakeWorker:
    """Stands where the worker process would: tells every camera it is given as up, and runs until cancelled."""

    looked: list[tuple[str, ...]]

    def __init__(self, task: Task, hear: object, _lost: object, _terms: object) -> None:
        self._hear, self.looked = hear, []

    def look_at(self, cameras: tuple[CameraTask, ...]) -> None:
        """Remember what was found."""
        self.looked.append(tuple(f"{camera.name}:{camera.driver}" for camera in cameras))

    async def run(self) -> None:
        """Look until told otherwise."""
        for one in self.looked[-1]:
            self._hear(Message(header=CameraSaid(camera=one.split(":")[0], up=True)))  # type: ignore[operator]
        await asyncio.Event().wait()


async def test_a_camera_that_does_not_answer_is_lost_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that answers is looked at, the other is told as lost once, asked again, and told as back once."""
    monkeypatch.setattr(lookout, "Worker", FakeWorker)
    monkeypatch.setattr(lookout, "FIND_AGAIN_S", 0.05)
    tasks = tuple(CameraTask(name=name, driver="onvif", options={}) for name in ("near", "far"))
    plans = {name: CameraPlan(name, (), name, Direction.IN) for name in ("near", "far")}
    told: list[Event] = []
    asked, back = 0, asyncio.Event()

    async def find(camera: CameraTask) -> CameraTask:
        nonlocal asked
        asked += camera.name == "far"
        if camera.name == "far" and asked < 4:
            raise NoAnswer("the camera keeps silent")
        return camera.model_copy(update={"driver": "rtsp"})

    class Recorder(Notes):
        def append(self, *events: Event) -> object:  # type: ignore[override]
            told.extend(events)
            if isinstance(events[0], DeviceBack):
                back.set()
            return object()

    eyes = Lookout(
        task=Task(engine="standard", weights="", cameras=tasks),
        watch=Watch(plans, RecognitionSettings(), lambda _: None, lambda: "id"),
        cameras=plans,
        present=lambda _point, _face: None,
        book=lambda: Book("v", datetime(2026, 11, 23, tzinfo=UTC)),
        recorder=Recorder(),  # type: ignore[arg-type]
        crops=Vault(tmp_path, bytes(32), "crops"),
        clock=PlainClock(),
        find=find,
    )
    ready = asyncio.Event()
    ready.set()
    running = asyncio.ensure_future(eyes.units(ready)[0].run())
    async with asyncio.timeout(30):
        await back.wait()
    running.cancel()
    assert [(type(event), event.device) for event in told if isinstance(event, DeviceLost | DeviceBack)] == [
        (DeviceLost, "far"),
        (DeviceBack, "far"),
    ]
    looked = eyes._worker.looked  # type: ignore[attr-defined]
    assert looked[0] == ("near:rtsp",)
    assert looked[-1] == ("near:rtsp", "far:rtsp")


@pytest.mark.parametrize(
    ("provenance", "left"),
    [({}, []), ({"simulated": True}, [PersonUnknown]), ({"time_source": "controller"}, [PersonUnknown])],
    ids=["now", "played", "late"],
)
async def test_only_a_card_shown_just_now_claims_a_face(tmp_path: Path, provenance: dict[str, object], left: list[type[Event]]) -> None:
    """Somebody stands before the camera: a played card, and what a board recorded hours ago, are not theirs."""
    gate = Gate()
    eyes = Lookout(
        task=Task(engine="standard", weights="", cameras=()),
        watch=gate.watch,
        cameras={},
        present=lambda _point, _face: None,
        book=lambda: Book("v", BEGAN),
        recorder=Notes(),  # type: ignore[arg-type]
        crops=Vault(tmp_path, bytes(32), "crops"),
        clock=gate,  # type: ignore[arg-type]
    )
    gate.look(9)
    said = {"at": BEGAN, "clock": Trust.SYNCED, "door": "north", "access_point": "north_in", "method": (Method.CARD,)}
    eyes.noticed(AccessGranted(reason=Reason.GRANTED, **said | provenance))  # type: ignore[arg-type]
    gate.wait(CLAIM_S)
    assert [type(event) for event in gate.seen.events] == left
