"""Which of a camera's streams to look at, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivers.errors import Garbled, Refused
from drivers.onvif.device import Device
from drivers.onvif.faults import making_sense

MOST = 64  # profiles; cameras have two to eight
ENOUGH = 640  # pixels across: a face at the gate is then 60 to 120 wide, and 720p costs half of what 1080p costs to decode
CODECS = ("H264", "H265")


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream that the camera offers; a codec of "" is one without video."""

    token: str
    name: str
    codec: str
    width: int
    height: int
    fps: float


async def profiles(device: Device) -> list[Profile]:
    """All of them, in the camera's order. Raises LineLost, NoAnswer, Refused, Garbled."""
    if not device.soap.knows("media"):
        raise Refused("the device has no media service: it is no camera, or speaks Media2 only")
    told = await device.soap.call("media", "GetProfiles")
    with making_sense("profiles"):
        return [_profile(profile) for profile in list(told or ())[:MOST]]


def choose(offered: Sequence[Profile], wanted: str = "") -> Profile:
    """The profile with this token or name; else the smallest H.264 or H.265 stream of at least 640 pixels across, else the largest.

    Raises Refused with what there is.
    """
    there = ", ".join(
        f"{profile.name or profile.token} ({profile.codec or 'no video'} {profile.width}x{profile.height})" for profile in offered
    )
    if wanted:
        for profile in offered:
            if wanted in {profile.token, profile.name}:
                return profile
        raise Refused(f"the camera has no profile {wanted!r}, but: {there or 'none'}")
    usable = [profile for profile in offered if profile.codec in CODECS and profile.width > 0]
    if not usable:
        raise Refused(f"the camera offers no H.264 or H.265 stream, but: {there or 'none'}")
    wide = [profile for profile in usable if profile.width >= ENOUGH]
    if wide:
        return min(wide, key=lambda profile: (profile.width * profile.height, profile.fps))
    return max(usable, key=lambda profile: profile.width * profile.height)


async def stream_address(device: Device, profile: Profile) -> str:
    """What the camera says its RTSP address is; it may hold credentials: never log it. Raises LineLost, NoAnswer, Refused, Garbled."""
    told = await device.soap.call(
        "media",
        "GetStreamUri",
        {"StreamSetup": {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}, "ProfileToken": profile.token},
    )
    return _address(told)


async def snapshot_address(device: Device, profile: Profile) -> str:
    """Where the camera hands out single JPEG pictures, on the camera's own host. Raises LineLost, NoAnswer, Refused, Garbled."""
    return device.soap.home(_address(await device.soap.call("media", "GetSnapshotUri", {"ProfileToken": profile.token})))


def _address(told: Any) -> str:  # noqa: ANN401  # zeep's type
    with making_sense("addresses"):
        address = told.Uri
    if not isinstance(address, str) or not address.strip():
        raise Garbled("no address where there should be one")
    return address.strip()


def _profile(told: Any) -> Profile:  # noqa: ANN401  # zeep's type
    video = told.VideoEncoderConfiguration
    if video is None:
        return Profile(str(told.token)[:MOST], str(told.Name or "")[:MOST], "", 0, 0, 0.0)
    size, rate = video.Resolution, video.RateControl
    return Profile(
        token=str(told.token)[:MOST],
        name="".join(sign for sign in str(told.Name or "")[:MOST] if sign.isprintable()),
        codec=str(video.Encoding).upper().replace(".", "")[:8],
        width=int(size.Width) if size is not None else 0,
        height=int(size.Height) if size is not None else 0,
        fps=float(rate.FrameRateLimit or 0) if rate is not None else 0.0,
    )
