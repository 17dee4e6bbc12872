"""What overrides site.yaml: `ANYU_*` environment variables, and above them systemd credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as File

from edge.settings.faults import Fault, Path, Place, nearest
from edge.settings.source import Tree, scalar

PREFIX = "ANYU_"
RESERVED = frozenset({"ANYU_MODELS", "ANYU_FACES"})
"""Where tests and benches find weights and faces: no setting may bear these names."""
# A credential is a password or a key; systemd itself allows 1 MB for all of them.
MAX_CREDENTIAL = 64 * 1024


def environment(environ: Mapping[str, str]) -> Tree:
    """`ANYU_DOORS__NORTH__RELEASE_S=7` says doors.north.release_s; lists and mappings are written as `[a, b]` and `{a: b}`."""
    tree = Tree()
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in RESERVED:
            _put(tree, tuple(name.removeprefix(PREFIX).lower().split("__")), scalar(environ[name]), Place(name))
    return tree


def credentials(folder: str | None, valid: Iterable[str]) -> Tree:
    """Every file in $CREDENTIALS_DIRECTORY whose name is a setting, such as `uplink__password`; `valid` are the top-level settings."""
    tree = Tree()
    if not folder or not File(folder).is_dir():
        return tree
    known = set(valid)
    for file in sorted(File(folder).iterdir()):
        path: Path = tuple(file.name.lower().replace(".", "__").split("__"))
        place = Place(f"credential {file.name}")
        if path[0] not in known:
            near = nearest(str(path[0]), known)
            tree.faults.append(Fault(place, "unknown_credential_file", (("key", file.name),), near, grave=False, path=path))
            continue
        try:
            raw = file.read_bytes()
            text = raw.decode().rstrip("\r\n")
        except OSError as why:
            tree.faults.append(Fault(place, "unreadable", (("why", why.strerror or type(why).__name__),), path=path))
            continue
        except UnicodeDecodeError:
            tree.faults.append(Fault(place, "not_utf8", path=path))
            continue
        if len(raw) > MAX_CREDENTIAL:
            tree.faults.append(Fault(place, "too_large", (("most", str(MAX_CREDENTIAL)),), path=path))
            continue
        _put(tree, path, text, place)
    return tree


def _put(tree: Tree, path: Path, value: object, place: Place) -> None:
    """Set one value deep in the tree; the mappings on the way are made, and are at the same place unless they stand elsewhere already."""
    here: dict[str, object] = tree.values
    for depth, key in enumerate(path[:-1], 1):
        inner = here.get(str(key))
        if not isinstance(inner, dict):
            inner = here[str(key)] = {}
        tree.places.setdefault(path[:depth], place)
        here = inner
    here[str(path[-1])] = value
    _note(tree, path, value, place)


def _note(tree: Tree, path: Path, value: object, place: Place) -> None:
    tree.places[path] = place
    entries: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for key, inner in entries:
        _note(tree, (*path, key), inner, place)
