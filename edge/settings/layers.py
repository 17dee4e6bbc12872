"""What overrides site.yaml: `ANYU_*` environment variables, and above them systemd credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as File

from edge.settings.faults import Fault, Path, Place, nearest
from edge.settings.fields import value_at
from edge.settings.source import Tree, scalar

PREFIX = "ANYU_"
RESERVED = frozenset({"ANYU_MODELS", "ANYU_FACES"})
"""Where tests and benches find weights and faces: no setting may bear these names."""
OTHERS = frozenset({"master_key"})
"""Credentials that are no settings: edge.custody.master reads this one."""
# A credential is a password or a key; systemd itself allows 1 MB for all of them.
MAX_CREDENTIAL = 64 * 1024


def environment(environ: Mapping[str, str], below: Mapping[str, object]) -> Tree:
    """`ANYU_DOORS__NORTH__RELEASE_S=7` says doors.north.release_s; lists and mappings are written as `[a, b]` and `{a: b}`.

    `below` are the values of the file: an element of a list that it has is named by its place in it, from 0.
    """
    tree = Tree()
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in RESERVED:
            _put(tree, name.removeprefix(PREFIX).lower().split("__"), scalar(environ[name]), Place(name), below)
    return tree


def credentials(folder: str | None, valid: Iterable[str], below: Mapping[str, object], prefix: str = "") -> Tree:
    """Every file in $CREDENTIALS_DIRECTORY whose name is a setting: `uplink__password`, `controllers__bus1__readers__0__key`.

    With a dot in it a name is taken apart at its dots alone. `valid` are the top-level settings, `below` the values of file and
    environment. Only files whose names begin with `prefix` count, and without it. What belongs to a device that is not there is not used:
    it is taken out of site.yaml before its credential is.
    """
    tree = Tree()
    if not folder or not File(folder).is_dir():
        return tree
    known = set(valid)
    try:
        names = [file.name.removeprefix(prefix) for file in sorted(File(folder).iterdir()) if file.name.startswith(prefix)]
    except OSError as why:  # the uplink or a device may lack its secret; doors start
        why_not = (("why", why.strerror or type(why).__name__),)
        tree.faults.append(Fault(Place(str(folder)), "unreadable", why_not, grave=False))
        return tree
    files = {name: name.lower().split("." if "." in name else "__") for name in names if name not in OTHERS}
    for name, steps in files.items():
        place = Place(f"credential {name}")
        path = tuple(steps)
        if path[0] not in known:
            near = nearest(str(path[0]), known)
            tree.faults.append(Fault(place, "unknown_credential_file", (("key", name),), near, grave=False, path=path))
            continue
        alone = len(path) > 2 or sum(other[0] == path[0] for other in files.values()) == 1
        if len(path) > 1 and alone and not isinstance(_found(path[:-1], below)[1], Mapping | list):
            tree.faults.append(Fault(place, "unused_credential", (("key", name), ("name", ".".join(path[:-1]))), grave=False, path=path))
            continue
        try:
            raw = (File(folder) / f"{prefix}{name}").read_bytes()
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
        _put(tree, steps, text, place, below)
    return tree


def merged(*layers: Mapping[str, object]) -> dict[str, object]:
    """Weakest first; mappings are merged, elements of a list replaced by their number, everything else is replaced."""
    out: dict[str, object] = {}
    for layer in layers:
        for key, value in layer.items():
            out[key] = _over(out.get(key), value)
    return out


def _over(below: object, value: object) -> object:
    if isinstance(below, dict) and isinstance(value, dict):
        return merged(below, value)
    if isinstance(below, list) and isinstance(value, dict) and value.keys() <= {str(number) for number in range(len(below))}:
        return [_over(item, value[str(number)]) if str(number) in value else item for number, item in enumerate(below)]
    return value


def _found(steps: Sequence[str | int], below: object) -> tuple[Path, object]:
    """The path with numbers where lists are, and what stands there below; None where nothing does."""
    path: Path = ()
    for step in steps:
        number = int(step) if isinstance(below, list) and str(step).isascii() and str(step).isdecimal() else None
        path = (*path, step if number is None else number)
        below = value_at(below, path[-1:])
    return path, below


def _put(tree: Tree, steps: Sequence[str], value: object, place: Place, below: Mapping[str, object]) -> None:
    """Set one value deep in the tree; the mappings on the way are made, and are at the same place unless they stand below already."""
    path, _ = _found(steps, below)
    here: dict[str, object] = tree.values
    for depth, key in enumerate(path[:-1], 1):
        inner = here.get(str(key))
        if not isinstance(inner, dict):
            inner = here[str(key)] = {}
        around = value_at(below, path[:depth])
        if around is None:
            tree.places.setdefault(path[:depth], place)
        elif isinstance(around, list) and isinstance(path[depth], int) and int(path[depth]) >= len(around):
            said = (("count", str(len(around))), ("name", ".".join(str(step) for step in path[:depth])))
            tree.faults.append(Fault(place, "no_such_element", said, path=path))
            return
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
