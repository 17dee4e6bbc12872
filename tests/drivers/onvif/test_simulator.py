"""The simulated camera, checked by a client that is not ours: onvif-zeep-async as its makers wrote it.

Without this, driver and simulator could misunderstand the standard in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from drivers.door.onvif_relay import Simulator
from drivers.onvif.simulator import Behaviour, SimulatedRelay
from drivers.onvif.simulator.http import Reply, Request, Server
from tests.drivers.harness import eventually
from tests.drivers.onvif.conftest import Start
from tests.drivers.onvif.rig import ACCOUNT

with contextlib.suppress(ModuleNotFoundError):  # without the `devices` extra the peer mark skips all of this
    from onvif import ONVIFCamera
    from zeep.exceptions import Fault

pytestmark = pytest.mark.peer("onvif")


@asynccontextmanager
async def client(camera: Simulator, **more: Any) -> AsyncIterator[Any]:
    """The library's own client; it keeps no cache on disk here."""
    made = ONVIFCamera("127.0.0.1", camera.port, ACCOUNT["username"], more.pop("password", ACCOUNT["password"]), no_cache=True, **more)
    try:
        await made.update_xaddrs()
        yield made
    finally:
        await made.close()


async def test_device_and_media(start: Start) -> None:
    """Information, clock, profiles and addresses are what the library's types say they are."""
    camera, _ = await start()
    async with client(camera) as made:
        device = await made.create_devicemgmt_service()
        assert (await device.GetDeviceInformation()).SerialNumber == "SIM-0001"
        assert (await device.GetSystemDateAndTime()).UTCDateTime.Date.Year >= 2026
        media = await made.create_media_service()
        main = (await media.GetProfiles())[0]
        assert (main.VideoEncoderConfiguration.Encoding, main.VideoEncoderConfiguration.Resolution.Width) == ("H264", 1920)
        assert main.VideoEncoderConfiguration.SessionTimeout == dt.timedelta(seconds=60)
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        assert (await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": "main"})).Uri.startswith("rtsp://")
        assert (await made.get_capabilities())["Events"]["WSPullPointSupport"]


async def test_relays(start: Start) -> None:
    """A latching relay stays, a monostable one goes back by itself; settings come back as they were set, through either service."""
    camera, _ = await start(relays=[SimulatedRelay("r1"), SimulatedRelay("r2", idle_closed=True, delays_s=(0.3, 60))])
    async with client(camera) as made:
        for service in (await made.create_deviceio_service(), await made.create_devicemgmt_service()):
            assert [relay.token for relay in await service.GetRelayOutputs()] == ["r1", "r2"]
            await service.SetRelayOutputState({"RelayOutputToken": "r1", "LogicalState": "active"})
            assert camera.coils == {1: True, 2: True}
            await service.SetRelayOutputState({"RelayOutputToken": "r1", "LogicalState": "inactive"})
            assert camera.coils == {1: False, 2: True}
        service = await made.create_deviceio_service()
        assert list((await service.GetRelayOutputOptions())[0].Mode) == ["Bistable", "Monostable"]
        properties = {"Mode": "Monostable", "DelayTime": dt.timedelta(seconds=0.5), "IdleState": "closed"}
        await service.SetRelayOutputSettings({"RelayOutput": {"token": "r2", "Properties": properties}})
        told = (await service.GetRelayOutputs())[1].Properties
        assert (told.Mode, told.DelayTime, told.IdleState) == ("Monostable", dt.timedelta(seconds=0.5), "closed")
        await service.SetRelayOutputState({"RelayOutputToken": "r2", "LogicalState": "active"})
        assert not camera.coils[2]
        await eventually(lambda: camera.coils[2])
        with pytest.raises(Fault):
            await service.SetRelayOutputState({"RelayOutputToken": "r9", "LogicalState": "active"})


async def test_pull_point(start: Start) -> None:
    """The library's own pull point manager gets topics, states and renewals, and loses them with a restart."""
    camera, _ = await start()
    async with client(camera) as made:
        manager = await made.create_pullpoint_manager(dt.timedelta(seconds=60), lambda: None)
        service = manager.get_service()
        words = {"Timeout": dt.timedelta(seconds=5), "MessageLimit": 20}
        first = (await service.PullMessages(words)).NotificationMessage
        assert {told.Topic._value_1 for told in first} == {"tns1:Device/Trigger/DigitalInput", "tns1:Device/Trigger/Relay"}
        assert {told.Message._value_1.PropertyOperation for told in first} == {"Initialized"}
        camera.set_input(1, closed=True)
        (told,) = (await service.PullMessages(words)).NotificationMessage
        message = told.Message._value_1
        assert (message.Source.SimpleItem[0].Value, message.Data.SimpleItem[0].Value, message.PropertyOperation) == (
            "in1",
            "true",
            "Changed",
        )
        await manager.set_synchronization_point()
        assert (await service.PullMessages(words)).NotificationMessage
        assert await manager._call_subscription_renew() > 0
        await camera.reboot()
        with pytest.raises(Fault):
            await service.PullMessages(words)
        await manager.shutdown()


async def test_signatures(start: Start) -> None:
    """A wrong password, an old signature and none at all are refused; with the clock allowed for the signature is taken."""
    camera, _ = await start(behaviour=Behaviour(skew_s=3600, lists_services=False))
    async with client(camera) as made:
        with pytest.raises(Fault, match="not Authorized"):
            await (await made.create_devicemgmt_service()).GetDeviceInformation()
    async with client(camera, adjust_time=True, password="wrong") as made:
        with pytest.raises(Fault, match="not Authorized"):
            await (await made.create_devicemgmt_service()).GetDeviceInformation()
    async with client(camera, adjust_time=True) as made:
        device = await made.create_devicemgmt_service()
        assert (await device.GetDeviceInformation()).SerialNumber == "SIM-0001"
        with pytest.raises(Fault):
            await device.authless_GetDeviceInformation()


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_comes_with_the_stop_is_reset(turns: int) -> None:
    """However far the loop has got with it: none is left open, which would look like a device that does not answer."""

    async def answer(_: Request) -> Reply:
        return Reply(200)

    server = Server(answer)
    await server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()
        client.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(client.recv, 1) == b""
