"""Secrets belong into systemd credentials: which settings are secret, and a fault for each that stands where other accounts read it.

Secret is what a model declares as SecretStr, and every address with a password in it, whoever's option it is.
"""

from __future__ import annotations

import grp
import re
from collections.abc import Collection, Iterator, Mapping

from pydantic import BaseModel

from edge.settings.faults import Fault, Path
from edge.settings.fields import fields, is_secret, models, value_at, walk
from edge.settings.source import Tree
from edge.settings.translate import Layers

WORD = "config.secret_in_file"
NEEDED = "needed"
"""A mark (`json_schema_extra`) on a secret without which its device is not driven; empty by default, for only the service sees it."""
# Some cameras take the password in the address itself: rtsp://host/user=admin&password=…
_IN_ADDRESS = re.compile(
    r"^[a-z][a-z0-9+.-]*://.*(?:^|[^a-z])(?:password|passphrase|passwd|pass|pwd|pw|token|secret|auth)=[^&/?#]", re.IGNORECASE
)
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def secrets(root: type[BaseModel], values: Mapping[str, object]) -> Iterator[Path]:
    """The path of every secret that is given."""
    for path, kinds, value in walk(root, values):
        given = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
        if given and (is_secret(kinds) or holds_password(value)):
            yield path


def holds_password(value: object) -> bool:
    """Whether this is an address with a password in it."""
    if not isinstance(value, str) or not _ADDRESS.match(value):
        return False
    return ":" in _credentials(value) or _IN_ADDRESS.match(value) is not None


def _credentials(address: str) -> str:
    """What stands before the host: user:password. A part of the path with an @ in it is none."""
    rest = address.partition("://")[2]
    host = rest.split("/", 1)[0].rpartition("@")
    if host[1]:
        return host[0]
    # No user before the first slash: a password with a slash in it, unless what stands there is a host and a port.
    return "" if re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?", host[2]) else rest.rpartition("@")[0]


def misplaced(
    root: type[BaseModel], values: Mapping[str, object], layers: Layers, file: Tree, environ: Tree, before: Collection[Path]
) -> Iterator[Fault]:
    """Secrets in a file that other accounts may read, and a warning for those in the environment, which `systemctl show` tells everybody.

    `before`: the paths of the faults there are already.
    """
    open_file = _open(file, values)
    for path in secrets(root, values):
        if path in before:
            continue
        if layers.written_in(path, file):
            if path == ("uplink", "password"):  # refused in any file since the first version
                yield _fault(layers, path, "password_in_file")
            elif open_file:
                yield _fault(layers, path, "secret_in_file", word=WORD)
        elif layers.written_in(path, environ):
            yield _fault(layers, path, "secret_in_environment", grave=False)


def missing(root: type[BaseModel], values: Mapping[str, object], layers: Layers, *, grave: bool) -> Iterator[Fault]:
    """Secrets that are needed and not given."""
    for path, kinds, value in walk(root, values):
        for model in models(kinds) if isinstance(value, Mapping) else ():
            for name, field in fields(model, value).items():
                marks = field.json_schema_extra
                if isinstance(marks, dict) and marks.get(NEEDED) and value_at(value, (name,)) in (None, ""):
                    yield _fault(layers, (*path, name), "secret_missing" if grave else "secret_elsewhere", grave=grave)


def credential(path: Path) -> str:
    """The credential's name for a setting; with dots where a name of the site holds `__` itself."""
    steps = [str(step) for step in path]
    return ("." if any("__" in step for step in steps) else "__").join(steps)


def _fault(layers: Layers, path: Path, code: str, *, grave: bool = True, word: str = "") -> Fault:
    values = (("key", str(path[-1])), ("name", credential(path)))
    return Fault(layers.place(path), code, values, grave=grave, path=path, word=word)


def _open(file: Tree, values: Mapping[str, object]) -> bool:
    """Whether accounts other than the service's may read or change the file: everybody, or those who may command."""
    groups, roles = value_at(values, ("control", "groups")), value_at(values, ("control", "roles"))
    named = {str(name) for name in groups} if isinstance(groups, list) else {"anyu-guard"}
    named |= {"anyu-manager", "anyu-installer", "anyu-inspector"}
    for given in roles.values() if isinstance(roles, Mapping) else ():
        named |= {str(name) for name in given} if isinstance(given, list) else set()
    commanders = set()
    for name in named:
        try:
            commanders.add(grp.getgrnam(name).gr_gid)
        except KeyError:
            continue
    return bool(file.mode & 0o007) or (file.group in commanders and bool(file.mode & 0o070))
