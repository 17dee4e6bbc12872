"""Who is who in events: a random person_ref for each tenancy and visit, the same across reloads and restarts, never given twice."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from edge import durable
from edge.custody.seal import Seal, is_sealed
from edge.custody.vault import Unreadable

log = logging.getLogger(__name__)


Refs = tuple[Mapping[str, str], Mapping[str, str]]
"""Refs of tenants by tenant_id, of visits by visit_id."""


def random_ref() -> str:
    """80 random bits: among a million tenancies two alike are less likely than one in a trillion."""
    return f"p{secrets.token_hex(10)}"


class Identities:
    """tenant_id -> person_ref and visit_id -> person_ref of those in the roster, in one file (0600).

    A number that leaves the roster loses its ref with `settle`; if it comes back it is a new tenancy with a new one. A disk that cannot be
    written does not stop anything: refs live on in memory, `kept` is False, and the next change tries again.
    """

    def __init__(self, path: Path, new_ref: Callable[[], str] = random_ref, seal: Seal | None = None) -> None:
        self._path, self._seal = path, seal
        self._new_ref = new_ref
        self._refs: dict[str, dict[str, str]] = {"tenants": {}, "visits": {}}
        self.kept = self._ours = True
        self._read()

    def peek(self, tenants: Iterable[str], visits: Iterable[str] = ()) -> Refs:
        """The refs of these numbers, by number: their own, or fresh ones that nothing remembers until `settle`."""
        return self._with("tenants", tenants), self._with("visits", visits)

    def assign(self, tenants: Iterable[str], visits: Iterable[str] = ()) -> Refs:
        """As `peek`, but fresh refs are remembered, on disk, before this returns. No number loses its own."""
        found = self.peek(tenants, visits)
        self.settle(self._refs["tenants"] | dict(found[0]), self._refs["visits"] | dict(found[1]))
        return found

    def settle(self, tenants: Mapping[str, str], visits: Mapping[str, str]) -> None:
        """From now on exactly these numbers have a ref: those of the book in force."""
        refs = {"tenants": dict(tenants), "visits": dict(visits)}
        if refs != self._refs or not self.kept:
            self._refs = refs
            self._write()

    def _with(self, kind: str, numbers: Iterable[str]) -> dict[str, str]:
        own = self._refs[kind]
        return {number: own.get(number) or self._new_ref() for number in numbers}

    def _read(self) -> None:
        durable.sweep(self._path.parent)
        try:
            content = durable.read(self._path)
            if self._seal is not None and is_sealed(content):
                content = self._seal.open(self._path.name, content)
            elif self._seal is not None:
                self.kept = False  # in the clear, from a version before: `settle` writes it anew
            body = json.loads(content)
            refs = {kind: {str(number): str(ref) for number, ref in body[kind].items()} for kind in ("tenants", "visits")}
        except FileNotFoundError:
            return
        except PermissionError as why:  # after root ran the gateway by hand: neither damaged nor ours to replace
            self._ours = False
            log.warning("the file of person refs may not be read (%s) and is left as it is; refs hold until the next restart", why.strerror)
            return
        except (OSError, Unreadable, ValueError, KeyError, TypeError, AttributeError):
            durable.put_aside(self._path)
            log.warning("the file of person refs is damaged and was put aside; those of the roster in force are kept")
            return
        self._refs = refs

    def _write(self) -> None:
        if not self._ours:
            self.kept = False
            return
        body = json.dumps({"v": 1, **self._refs}, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            durable.write(self._path, [body if self._seal is None else self._seal.close(self._path.name, body)])
        except OSError as fault:
            if self.kept:
                log.warning("person refs cannot be kept (%s); they hold until the next restart", fault.strerror)
            self.kept = False
        else:
            self.kept = True
