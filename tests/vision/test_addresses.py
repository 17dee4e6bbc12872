"""The addresses that the recogniser's unit may reach: written by root, read by the daemon, which says what is missing in them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from drivers.camera.rtsp import Options
from drivers.errors import NoAnswer
from edge import recognition
from edge.cli import app, units
from edge.gate.lookout import CameraNotAllowed
from edge.vision import addresses
from edge.vision.keeper import Terms
from edge.vision.task import CameraTask
from tests.premises import Premises

CAMERAS = """\
cameras:
  near: {driver: rtsp, url: "rtsp://127.0.0.9:8554/s", access_points: [north_in]}
  named: {driver: rtsp, url: "rtsp://localhost/s", access_points: [north_in]}
  far: {driver: onvif, host: "127.0.0.10", username: gate, access_points: [north_in]}
  film: {driver: clip, path: /nowhere.mp4, access_points: [north_in]}
  lost: {driver: rtsp, url: "rtsp://no-such-host.invalid/s", access_points: [north_in]}
  none: {driver: rtsp, url: "rtsp://127.0.0.11:99999/s", access_points: [north_in]}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as the option does")
def test_every_cameras_address_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By RTSP, by name and by ONVIF; a film has none, and a host without an address, or with one that is none, is said."""
    monkeypatch.setattr(units, "BOOTED", tmp_path / "no-systemd")
    path = tmp_path / "d" / "10-cameras.conf"
    units.write(Premises(tmp_path, CAMERAS).settings(), path)
    assert {"127.0.0.9", "127.0.0.10", "127.0.0.1"} <= addresses.allowed(path) <= {"127.0.0.9", "127.0.0.10", "127.0.0.1", "::1"}
    assert f"MemoryMax={addresses.FIRST_MB + 3 * addresses.CAMERA_MB}M" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    complaints = capsys.readouterr().err
    assert "camera 'lost'" in complaints
    assert "camera 'none'" in complaints


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as the option does")
@pytest.mark.parametrize("named", [True, False])
def test_a_camera_whose_host_has_no_address_now_keeps_those_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    """The name service is away: nothing that worked is taken out, it is said, and it is bad news. An older list has no names."""
    monkeypatch.setattr(units, "BOOTED", tmp_path / "no-systemd")
    path = tmp_path / "d" / "10-cameras.conf"
    path.parent.mkdir()
    before = addresses.drop_in({"lost": ["10.1.3.9", "2001:db8::5"], "gone": ["10.1.3.8"]}, 2)
    path.write_text(before if named else re.sub("# camera .*\n", "", before))
    assert not units.write(Premises(tmp_path, CAMERAS).settings(), path)
    assert {"127.0.0.9", "127.0.0.10", "127.0.0.1", "10.1.3.9", "2001:db8::5"} <= addresses.allowed(path)
    assert ("10.1.3.8" in addresses.allowed(path)) is not named
    assert "camera 'lost'; it keeps 10.1.3" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as the option does")
@pytest.mark.parametrize(("url", "code"), [("rtsp://127.0.0.9/s", 0), ("rtsp://no-such-host.invalid/s", 1)])
def test_the_command_ends_with_what_became_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, code: int) -> None:
    """Settings that are good are no good news while a camera is left out."""
    monkeypatch.setattr(units, "BOOTED", tmp_path / "no-systemd")
    monkeypatch.setattr(units.write, "__defaults__", (tmp_path / "10-cameras.conf",))
    config = tmp_path / "site.yaml"
    config.write_text(
        f"site: {{name: a, kind: capture}}\nlocale: en\nstate_dir: {tmp_path}\nrun_dir: {tmp_path}\nroster: {{folder: {tmp_path}}}\n"
        f'cameras: {{one: {{driver: rtsp, url: "{url}"}}}}\n',
        encoding="utf-8",
    )
    done = CliRunner().invoke(app, ["check", "--write-units", "--json", "--config", str(config)])
    assert done.exit_code == code, done.output
    assert json.loads(done.stdout)["ok"] is True


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as the option does")
def test_a_folder_that_takes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, and what was there stays."""
    (tmp_path / "file").write_text("x")
    assert not units.write(Premises(tmp_path, CAMERAS).settings(), tmp_path / "file" / "10-cameras.conf")
    assert "cannot be written" in capsys.readouterr().err


def test_only_root_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not root is told so, and nothing is written."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(typer.Exit):
        units.write(Premises(tmp_path, CAMERAS).settings(), tmp_path / "x.conf")
    assert not (tmp_path / "x.conf").exists()


async def test_a_camera_that_is_not_written_down_is_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the unit a camera is looked at by number, and only where its number is allowed; a child of the daemon may ask for any."""
    path = tmp_path / "10-cameras.conf"
    monkeypatch.setattr(addresses, "allowed", lambda: real(path))
    camera = CameraTask(name="named", driver="rtsp", options={"url": "rtsp://localhost/s"})
    with pytest.raises(CameraNotAllowed):
        await recognition._find(camera, Terms(where="unit"))
    assert await recognition._find(camera, Terms(where="spawned")) == camera
    path.write_text(addresses.drop_in({"named": ["127.0.0.1", "::1"]}, 1))
    found = await recognition._find(camera, Terms(where="unit"))
    assert found.options["url"] in {"rtsp://127.0.0.1/s", "rtsp://[::1]/s"}
    assert found.options["tls_name"] == "localhost"


@pytest.mark.parametrize(
    ("url", "number", "there"),
    [
        ("rtsp://GateCam/stream2", "10.1.3.9", "rtsp://10.1.3.9/stream2"),
        ("rtsp://gatecam:8554/s", "2001:db8::5", "rtsp://[2001:db8::5]:8554/s"),
        ("rtsp://s/s", "10.1.3.9", "rtsp://10.1.3.9/s"),
        ("rtsp://viewer:gatecam@gatecam/gatecam", "10.1.3.9", "rtsp://10.1.3.9/gatecam"),
        ("rtsp://[2001:DB8::5]/s", "2001:db8::5", "rtsp://[2001:DB8::5]/s"),
    ],
)
async def test_the_host_alone_becomes_a_number(monkeypatch: pytest.MonkeyPatch, url: str, number: str, there: str) -> None:
    """In upper case, beside a port, a user or a path of the same name, and with colons in the number; the unit's worker can read it."""
    monkeypatch.setattr(addresses, "resolve", lambda _: (number,))
    monkeypatch.setattr(addresses, "allowed", lambda: frozenset({number}))
    found = await recognition._find(CameraTask(name="named", driver="rtsp", options={"url": url}), Terms(where="unit"))
    told = Options.model_validate(found.options)
    assert (told.url, told.address()[0]) == (there, number)
    assert (told.username, told.password.get_secret_value()) == (("viewer", "gatecam") if "@" in url else ("", ""))


@pytest.mark.parametrize("url", ["rtsp://camera:99999/s", "rtsp://2001:db8::5/s", "rtsp://a..b/s", "http://camera/s"])
async def test_an_address_that_is_none_is_a_camera_that_does_not_answer(url: str) -> None:
    """Said of that camera; whoever looks for the others goes on."""
    with pytest.raises(NoAnswer):
        await recognition._find(CameraTask(name="named", driver="rtsp", options={"url": url}), Terms(where="unit"))


real = addresses.allowed
