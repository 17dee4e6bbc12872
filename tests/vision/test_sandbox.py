"""A malicious body in the real sandbox, on this kernel and as on older ones: no door, no file, no signal, no other port or host.

What a kernel cannot refuse stands in HOLES, each with the word that `degraded` shows for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.door import relay_board
from drivers.line import tcp
from drivers.line.pty_pair import open_pty_pair
from edge.vision import confine as sandbox
from edge.vision.syscalls import MACHINES, NUMBERS

DECOY = ("192.0.2.1", "192.0.2.2")  # RFC 5737: addresses for examples
SPACES = ("anyu_body", "anyu_decoy")

# What each word in `missing` leaves open. Without Landlock and with a recording to read, every file of the account can be read.
HOLES = {
    "landlock_tcp_ports": {"tcp, other port", "another host, other port"},
    "landlock": {"read journal.db", "read master_key", "read roster.csv", "read deep", "read deep/a.key", "list"},
}
# No kernel refuses it by itself: the unit's address rules do, and a child without its own unit says `vision.spawned`.
ALWAYS = {"another host, the camera's port"}

# The calls that do anything at all. Each is about the caller's own memory, threads, clocks and open files, or has its arguments checked.
DO_SOMETHING = frozenset((
    "read", "write", "close", "fstat", "poll", "lseek", "mmap", "mprotect", "munmap", "brk", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "ioctl", "pread64", "readv", "writev", "select", "sched_yield", "mremap", "madvise", "nanosleep", "alarm",
    "setitimer", "getpid", "socket", "connect", "sendto", "recvfrom", "shutdown", "getsockname", "getpeername", "getsockopt", "clone",
    "exit", "uname", "fcntl", "gettimeofday", "getrusage", "sysinfo", "times", "getuid", "getgid", "geteuid", "getegid", "getppid",
    "sigaltstack", "prctl", "gettid", "time", "futex", "sched_setaffinity", "sched_getaffinity", "restart_syscall", "clock_gettime",
    "clock_getres", "clock_nanosleep", "exit_group", "tgkill", "mbind", "pselect6", "ppoll", "set_robust_list", "prlimit64", "getcpu",
    "getrandom", "rseq",
))  # fmt: skip
# Probes of the kernel's tracing: answered before any filter, and fatal outside the kernel's own trampoline.
TRACING = frozenset({"335", "336"})

ABIS = [None, 2, 0]


class Scene:
    """What there is to harm, and how it was before."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        (self.state / "deep").mkdir(parents=True, mode=0o700)
        for name in ("journal.db", "master_key", "roster.csv", "deep/a.key"):
            (self.state / name).write_bytes(b"0" * 32)
            (self.state / name).chmod(0o600)
        self.clip = folder / "clip.mp4"
        self.clip.write_bytes(b"film")
        self.control = folder / "control.sock"
        self.victim = subprocess.Popen(["/bin/sleep", "300"])
        self.before = self.now()

    def now(self) -> object:
        """Files with their contents, modes and times; and the other process's limits, cores, niceness and scheduling."""
        files = {
            str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else os.listxattr(path))
            for path in [self.clip, self.state, *sorted(self.state.rglob("*"))]
        }
        pid = self.victim.pid
        limits = (
            {number: resource.prlimit(pid, number) for number in range(resource.RLIM_NLIMITS)}
            if hasattr(resource, "RLIM_NLIMITS")
            else {number: resource.prlimit(pid, number) for number in range(16)}
        )
        process = (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), os.sched_getscheduler(pid), limits, self.victim.poll())
        return files, process


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A state folder, and a process of the same account."""
    made = Scene(tmp_path)
    yield made
    made.victim.kill()
    made.victim.wait()


async def body(it: dict[str, object], prefix: tuple[str, ...] = ()) -> dict[str, list[object]]:
    """Run the body; what it says."""
    run = await asyncio.create_subprocess_exec(
        *prefix, sys.executable, "-m", "tests.vision.malice", json.dumps(it), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    said, _ = await run.communicate()
    assert run.returncode == 0
    told: dict[str, list[object]] = json.loads(said)
    return told


def allowed_holes(told: dict[str, list[object]], *, reads: bool) -> set[str]:
    """What may have been done, by the words that were said."""
    holes = set(ALWAYS)
    for word in told["missing"]:
        if word != "landlock" or reads:
            holes |= HOLES.get(str(word), set())
    return holes


@pytest.mark.parametrize("reads", [False, True], ids=["network camera", "recording"])
@pytest.mark.parametrize("abi", ABIS)
async def test_nothing_is_opened_changed_read_or_signalled(scene: Scene, abi: int | None, reads: bool) -> None:
    """No relay clicks, no file changes, nobody is signalled, and every port and file that was reached is a hole that was said."""
    boards = [relay_board.Simulator(relay_board.Options(port="tcp://127.0.0.1:1", outputs=2)) for _ in range(2)]
    pair = open_pty_pair()
    serial = asyncio.create_task(boards[0].run(pair.line))
    other, listening = await tcp.listen(boards[1].run)
    with socket.create_server(("127.0.0.1", 0)) as camera, socket.socket(socket.AF_UNIX) as control:
        control.bind(str(scene.control))
        control.listen()
        control.setblocking(False)
        told = await body(
            {
                "state": str(scene.state), "tty": pair.path, "control": str(scene.control), "victim": scene.victim.pid,
                "camera": camera.getsockname()[1], "other": other, "decoy": None, "abi": abi,
                "readable": [str(scene.clip)] if reads else [],
            }
        )  # fmt: skip
        with pytest.raises(BlockingIOError):
            control.accept()
    serial.cancel()
    listening.cancel()
    await asyncio.wait({serial, listening})
    await pair.line.close()
    assert set(told["done"]) <= allowed_holes(told, reads=reads)
    said = sandbox._landlock_abi() if abi is None else abi
    assert told["missing"] == [word for since, word in sandbox._SINCE_ABI if said < since]
    assert scene.now() == scene.before
    assert not boards[0].history
    assert not boards[1].history or "landlock_tcp_ports" in told["missing"]
    assert sorted(map(tuple, told["sockets"])) == [  # type: ignore[call-overload]
        (family, socket.SOCK_STREAM, protocol) for family in (socket.AF_INET, socket.AF_INET6) for protocol in (0, socket.IPPROTO_TCP)
    ]
    column = MACHINES.index(os.uname().machine)
    known = {number: name for name, pair_ in NUMBERS.items() if (number := pair_[column]) is not None}
    doing = {known.get(int(str(number)), str(number)) for number in told["calls"]}
    assert doing <= DO_SOMETHING | TRACING | ({"openat"} if reads else set())
    assert {"read", "getpid", "exit", "socket"} <= doing  # the body really called


@pytest.fixture
def two_hosts() -> Iterator[None]:
    """A body's host and a decoy, on a wire of their own."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces are made by root with `ip`")
    lines = [
        *(["netns", "add", space] for space in SPACES),
        ["link", "add", "body0", "netns", SPACES[0], "type", "veth", "peer", "name", "decoy0", "netns", SPACES[1]],
        *(
            ["-n", space, "address", "add", f"{address}/30", "dev", device]
            for space, address, device in zip(SPACES, DECOY, ("body0", "decoy0"), strict=True)
        ),
        *(["-n", space, "link", "set", device, "up"] for space, device in zip(SPACES, ("body0", "decoy0"), strict=True)),
        *(["-n", space, "link", "set", "lo", "up"] for space in SPACES),
    ]
    try:
        for line in lines:
            made = subprocess.run(["ip", *line], check=False, capture_output=True, text=True)
            if made.returncode:
                pytest.skip(f"no network namespace here: {made.stderr.strip()}")
        yield
    finally:
        for space in SPACES:
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)


LISTENER = """
import os, socket, sys, threading
servers = [socket.create_server(("", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
def serve(server):
    while True:
        there, _ = server.accept(); os.write(1, b"%d\\n" % server.getsockname()[1])
for server in servers: threading.Thread(target=serve, args=(server,), daemon=True).start()
sys.stdin.read()
"""


@pytest.mark.parametrize("abi", ABIS)
async def test_another_host_hears_only_what_was_said(scene: Scene, two_hosts: None, abi: int | None) -> None:
    """A decoy beside the gateway hears nothing at any port but the cameras', unless `landlock_tcp_ports` is missing."""
    decoy = await asyncio.create_subprocess_exec(
        "ip", "netns", "exec", SPACES[1], sys.executable, "-c", LISTENER, "554", "1883",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert decoy.stdin is not None
    assert decoy.stdout is not None
    assert await decoy.stdout.readline() == b"ready\n"
    it = {
        "state": str(scene.state), "tty": "/dev/null", "control": str(scene.control), "victim": scene.victim.pid, "camera": 554,
        "other": 1883, "decoy": DECOY[1], "abi": abi, "readable": [],
    }  # fmt: skip
    told = await body(it, ("ip", "netns", "exec", SPACES[0]))
    decoy.stdin.close()
    heard = {int(line) for line in (await decoy.stdout.read()).split()}
    await decoy.wait()
    assert heard <= {554} | ({1883} if "landlock_tcp_ports" in told["missing"] else set())
    assert set(told["done"]) <= allowed_holes(told, reads=False)
    assert "another host, the camera's port" in told["done"]  # the decoy was there
