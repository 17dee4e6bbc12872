"""What a process asked of the disk, taken down by strace, and what the disk may hold if the power goes at any point of it.

A write is safe once its file was synced after it; of the writes since then any part may be there, in any order, or be garbled.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TRACED = "pwrite64,write,fdatasync,fsync,ftruncate,fallocate,unlink"
_CALL = re.compile(r"^(?:\[pid +)?\d*\]? *(\w+)\((.*)\) += (-?\d+)")
_FD = re.compile(r'^\d+<([^>]*)>(?:, (?:"((?:\\x[0-9a-f]{2})*)"(?:, (\d+)(?:, (\d+))?)?|(\d+)))?')


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on a file of the folder, or a line told on standard output (`name` is then "told")."""

    name: str
    file: str = ""
    data: bytes = b""
    at: int = 0


@dataclass
class Disk:
    """Files as they are safely on disk, and what is still under way to each."""

    safe: dict[str, bytearray] = field(default_factory=dict)
    under_way: dict[str, list[Call]] = field(default_factory=dict)

    def do(self, call: Call) -> None:
        """Take a call."""
        if call.name == "sync":
            content = self.safe.setdefault(call.file, bytearray())
            for write in self.under_way.pop(call.file, []):
                apply(content, write)
        elif call.name == "unlink":
            # A removed name may come back with its old content; SQLite removes only a log that it has folded, so let it be gone.
            self.safe.pop(call.file, None)
            self.under_way.pop(call.file, None)
        else:
            self.under_way.setdefault(call.file, []).append(call)

    def image(self, folder: Path, how: str, chance: random.Random) -> None:
        """Write down what may be found after a power cut: of what was under way `nothing`, `all`, a `prefix`, `some`, or `garbled`."""
        folder.mkdir(parents=True)
        for name in self.safe.keys() | self.under_way.keys():
            content = bytearray(self.safe.get(name, b""))
            for write in chosen(self.under_way.get(name, []), how, chance):
                apply(content, write)
            (folder / name).write_bytes(content)


def chosen(writes: list[Call], how: str, chance: random.Random) -> list[Call]:
    """Which of the writes under way reached the disk, and how."""
    if how == "prefix":
        return writes[: chance.randrange(len(writes) + 1)]
    if how == "some":
        return [write for write in writes if chance.random() < 0.5]
    if how == "garbled" and writes:
        *whole, last = writes[: chance.randrange(len(writes)) + 1]
        if last.name != "write":
            return whole
        cut = chance.randrange(len(last.data) + 1)
        return [*whole, Call("write", last.file, last.data[:cut] + chance.randbytes(len(last.data) - cut), last.at)]
    return writes if how == "all" else []


def apply(content: bytearray, call: Call) -> None:
    """Change a file's content."""
    if call.name == "truncate":
        del content[call.at :]
        content.extend(bytes(call.at - len(content)))
    else:
        content.extend(bytes(max(0, call.at + len(call.data) - len(content))))
        content[call.at : call.at + len(call.data)] = call.data


def record(folder: Path, trace: Path, events: int) -> list[Call]:
    """Run the appender for so many events under strace; give its calls in order."""
    run = [sys.executable, "-m", "tests.journal.appender", str(folder), str(events)]
    subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={TRACED}", "-e", "signal=none", "-o", trace, *run],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=300,
    )
    return list(_parse(_joined(trace), folder))


def _joined(trace: Path) -> Iterator[str]:
    """Lines of strace, with calls that another thread interrupted put together again, at the moment of their end."""
    begun: dict[str, str] = {}
    for line in trace.read_text("ascii").splitlines():
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>").rstrip()
        elif resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            yield begun.pop(pid) + resumed[1]
        else:
            yield rest


def _text(hexed: str) -> bytes:
    return bytes.fromhex(hexed.replace("\\x", ""))


def _parse(lines: Iterator[str], folder: Path) -> Iterator[Call]:
    for line in lines:
        called = _CALL.match(line)
        if not called or int(called[3]) < 0:
            continue
        name, arguments, _ = called.groups()
        found = _FD.match(arguments)
        if name == "unlink":
            path = Path(_text(arguments.strip('"')).decode())
        else:
            assert found, line[:200]
            if name == "write" and arguments.startswith("1<"):
                yield Call("told", data=_text(found[2]))
                continue
            path = Path(_text(found[1]).decode() if found[1].startswith("\\x") else found[1])
        if path.parent != folder or path.name.endswith("-shm") or path.name == "lock":
            continue
        if found is None:
            yield Call("unlink", path.name)
        elif name in ("fsync", "fdatasync"):
            yield Call("sync", path.name)
        elif name == "ftruncate":
            yield Call("truncate", path.name, at=int(found[5]))
        elif name == "pwrite64":
            data = _text(found[2])
            assert len(data) == int(found[3]), "strace cut a string short"
            yield Call("write", path.name, data, int(found[4]))
        elif name == "fallocate":
            yield Call("write", path.name, bytes(int(arguments.rsplit(", ", 1)[1])), 0)
        else:
            raise AssertionError(f"a plain {name} to {path.name}")
