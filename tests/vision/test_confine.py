"""The cage, asked from inside: each thing that could open a door is refused."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROBE = textwrap.dedent(
    """
    import ctypes, json, os, socket, subprocess, sys, threading
    from pathlib import Path
    from edge.vision.confine import confine
    asked = json.loads(sys.argv[1])
    before = os.open("/dev/null", os.O_RDONLY)
    held = confine([Path(p) for p in asked["readable"]], [], asked["ports"])
    answers = {"missing": held.missing}
    def attempt(name, act):
        try:
            act()
        except OSError as error:
            answers[name] = type(error).__name__
        else:
            answers[name] = "done"
    def unix():
        s = socket.socket(socket.AF_UNIX); s.connect(asked["socket"])
    def tcp(port):
        with socket.socket() as s: s.connect(("127.0.0.1", port))
    def listen():
        with socket.socket() as s: s.bind(("127.0.0.1", 0))
    def work():
        attempt("model", lambda: open(asked["model"], "rb").read())
        attempt("camera", lambda: tcp(asked["ports"][0]))
        attempt("other_port", lambda: tcp(asked["other"]))
        attempt("tty", lambda: os.open(asked["tty"], os.O_RDWR | os.O_NOCTTY))
        attempt("control_socket", unix)
        attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
        attempt("pair", socket.socketpair)
        attempt("roster", lambda: open(asked["roster"]).read())
        attempt("write", lambda: open(asked["model"], "ab"))
        attempt("shell", lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True))
        attempt("exec", lambda: os.execv("/bin/true", ["true"]))
        attempt("listen", listen)
        attempt("memory", lambda: open(f"/proc/{os.getppid()}/mem", "rb"))
        attempt("signal", lambda: os.kill(os.getppid(), 0))
    thread = threading.Thread(target=work); thread.start(); thread.join()
    print(json.dumps(answers))
    """
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a confined process could do, tried from a thread it started afterwards."""
    folder = tmp_path_factory.mktemp("cage")
    (folder / "model.onnx").write_bytes(b"weights")
    (folder / "roster.csv").write_text("tenant_id\n")
    controller, tty = os.openpty()
    with socket.socket() as camera, socket.socket() as other, socket.socket(socket.AF_UNIX) as control:
        for server in (camera, other):
            server.bind(("127.0.0.1", 0))
            server.listen()
        control.bind(str(folder / "control.sock"))
        control.listen()
        asked = {
            "readable": [str(folder / "model.onnx")],
            "model": str(folder / "model.onnx"),
            "roster": str(folder / "roster.csv"),
            "ports": [camera.getsockname()[1]],
            "other": other.getsockname()[1],
            "tty": os.ttyname(tty),
            "socket": str(folder / "control.sock"),
        }
        told = subprocess.run([sys.executable, "-c", PROBE, json.dumps(asked)], capture_output=True, text=True, check=True, cwd=Path.cwd())
    os.close(controller)
    os.close(tty)
    said: dict[str, object] = json.loads(told.stdout)
    return said


@pytest.mark.parametrize("needed", ["model", "camera"])
def test_work_is_still_possible(answers: dict[str, object], needed: str) -> None:
    """The models can be read and the cameras reached."""
    assert answers[needed] == "done"


@pytest.mark.parametrize("thing", ["control_socket", "udp", "netlink", "pair", "shell", "exec"])
def test_seccomp_refuses(answers: dict[str, object], thing: str) -> None:
    """Sockets other than TCP and every exec are refused, on any kernel this can run on."""
    assert answers[thing] == "PermissionError"


@pytest.mark.parametrize("thing", ["tty", "roster", "write", "memory"])
def test_landlock_refuses_files(answers: dict[str, object], thing: str) -> None:
    """A relay's tty, the roster, writing anywhere and another process's memory are refused, or the answer says that they are not."""
    assert answers[thing] == "PermissionError" or "landlock" in answers["missing"]  # type: ignore[operator]


@pytest.mark.parametrize("thing", ["other_port", "listen"])
def test_landlock_refuses_ports(answers: dict[str, object], thing: str) -> None:
    """No port but the cameras', or the answer says so."""
    assert answers[thing] == "PermissionError" or answers["missing"]


THREADS = textwrap.dedent(
    """
    import json, sys, threading
    from pathlib import Path
    from edge.vision.confine import confine, confine_files
    first = sys.argv[1] == "first"
    if first: confine_files()
    begun, held, tried, answers = threading.Event(), threading.Event(), threading.Event(), {}
    def work():
        begun.set(); held.wait()
        for name, act in {"file": lambda: open(sys.argv[2]), "pair": lambda: __import__("socket").socketpair()}.items():
            try: act()
            except OSError as error: answers[name] = type(error).__name__
            else: answers[name] = "done"
        tried.set()
    import socket
    threading.Thread(target=work, daemon=True).start(); begun.wait()
    missing = confine([Path(sys.argv[2])]).missing
    held.set(); tried.wait()
    print(json.dumps({**answers, "missing": missing}))
    """
)


@pytest.mark.parametrize("first", ["first", "late"])
def test_a_thread_that_runs_already_is_bound(tmp_path: Path, first: str) -> None:
    """The filter binds a thread that a runtime started earlier; files are given up before, or Landlock is said to be missing."""
    (tmp_path / "roster.csv").write_text("tenant_id\n")
    run = [sys.executable, "-c", THREADS, first, str(tmp_path / "roster.csv")]
    told = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    assert told["pair"] == "PermissionError"
    assert (told["file"] == "PermissionError") != ("landlock" in told["missing"])


def test_this_kernel_misses_nothing(answers: dict[str, object]) -> None:
    """On a kernel with Landlock ABI 4 and seccomp the cage is whole, so the alternatives above are not taken silently."""
    import ctypes

    if ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 4:
        assert set(answers["missing"]) <= {"landlock_ioctl", "landlock_scope"}  # type: ignore[call-overload]
