"""Rosters that were in force, on disk: the last good one for a start with a broken folder, the ones before it for `roster rollback`.

What is kept is the book, not the sheets: PINs stand in it only as keyed hashes. Files are 0600 in a folder of 0700, and sealed under the
gateway's master key. `in_force.json` says which one counts and is replaced last, so that a cut at any moment leaves one whole roster in
force. One that is no longer in force goes after DAYS, as far as time has certainly passed.

Beside them lies what doors need of the one in force (cards, PIN hashes, groups, dates, refs; no name, paper or number), not sealed: without
the key, or with another one, nobody with a card stands outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edge import durable
from edge.access.terms import Book, Card, Tenant
from edge.custody.seal import Seal, is_sealed, lies_sealed
from edge.custody.vault import Unreadable
from edge.roster import wire
from edge.roster.book import STRIDE, paced
from edge.roster.pins import PinHash

log = logging.getLogger(__name__)

DAYS = timedelta(days=30)  # CONTRACT section 7
DOORS = "in_force.doors"
FORM = 1
"""Of the files below; a file of another form is not read."""


@dataclass(frozen=True, slots=True)
class InForce:
    """Which kept roster counts. `source` is the folder it came from, `held` the folder that a rollback said no to (digests, or empty)."""

    now: int = 0
    back: tuple[int, ...] = ()
    source: str = ""
    held: str = ""
    since: Mapping[int, str] = field(default_factory=dict)
    """Since when those before it are not in force any more, at the earliest (RFC 3339)."""


class Kept:
    """The kept rosters in one folder. Blocking; one caller at a time."""

    def __init__(
        self,
        folder: Path,
        pin_hash: PinHash,
        breathe: Callable[[float], None] = time.sleep,
        *,
        seal: Seal | None = None,
        certain: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        """Without a `seal` files are in the clear, and a sealed one is as good as not there. `certain` is a time that has come."""
        self._folder, self._seal, self._certain = folder, seal, certain
        self._pin_hash = pin_hash
        self._breathe = breathe
        durable.sweep(folder)

    def in_force(self) -> InForce:
        """What in_force.json says; nothing, if there is none or it is damaged."""
        try:
            body = json.loads(durable.read(self._folder / "in_force.json"))
            since = {int(number): str(at) for number, at in body.get("since", {}).items()}
            back = tuple(int(number) for number in body["back"])
            return InForce(int(body["now"]), back, str(body["source"]), str(body["held"]), since)
        except FileNotFoundError:
            return InForce()
        except (OSError, ValueError, KeyError, TypeError) as why:
            if not isinstance(why, PermissionError):
                durable.put_aside(self._folder / "in_force.json")
            numbers = sorted(self._numbers(), reverse=True)
            return InForce(numbers[0], tuple(numbers[1:])) if numbers else InForce()

    def load(self) -> tuple[Book, InForce] | None:
        """The roster in force, or the newest sound one before it; None if there is none.

        Under another PIN key its PINs mean nothing and are left out; then, and for one before it, `source` is empty, so that the folder is
        read anew.
        """
        force = self.in_force()
        for number in filter(None, (force.now, *force.back)):
            found = self.read(number)
            if found is not None:
                book, same_key = found
                back = tuple(other for other in force.back if other < number)
                sound = number == force.now and same_key
                return book, InForce(number, back, force.source if sound else "", force.held)
        return None

    def save(self, book: Book, source: str, keep: int) -> None:
        """Keep a book and put it in force, with `keep` before it to go back to.

        Raises:
            OSError: it cannot be kept; what was in force is as it was.
        """
        force = self.in_force()
        number = max([0, *self._numbers()]) + 1
        self._write(number, book)
        self.keep_doors(book)
        back = (force.now, *force.back) if force.now else force.back
        self._point(InForce(number, back[:keep], source, since=force.since))

    def seen(self, source: str) -> None:
        """Note that these files say what is in force already. Raises OSError as `save`."""
        force = self.in_force()
        self._point(replace(force, source=source, held=""))

    def roll_back(self, number: int, held: str) -> None:
        """Put an earlier roster in force, and hold it against the folder `held` until that changes. Raises OSError as `save`."""
        force = self.in_force()
        self._point(InForce(number, tuple(other for other in force.back if other < number), "", held, force.since))

    def read(self, number: int) -> tuple[Book, bool] | None:
        """A kept book, and whether its PINs are hashed with the present key; None if it is missing or damaged."""
        path = self._path(number)
        try:
            content = durable.read(path)
            if is_sealed(content):
                if self._seal is None:
                    return None
                content = self._seal.open(path.name, content)
            book = _book(content.splitlines(keepends=True), self._pin_hash.key_id, self._breathe)
        except (FileNotFoundError, PermissionError):  # another account's is not damaged
            return None
        except (OSError, Unreadable, ValueError, TypeError, KeyError, IndexError):
            log.warning("a kept roster is damaged and was put aside")
            durable.put_aside(path)
            return None
        return book

    def keep_doors(self, book: Book) -> None:
        """Write what doors need of this book. Raises OSError."""
        durable.write(self._folder / DOORS, _lines(_for_doors(book), self._pin_hash.key_id, self._breathe))

    @property
    def has_doors(self) -> bool:
        """Whether that was ever written."""
        return (self._folder / DOORS).exists()

    def doors(self) -> Book | None:
        """What doors need of the roster in force, if that was kept. Its version is its own, so that a good sheet replaces it."""
        try:
            return _book(durable.read(self._folder / DOORS).splitlines(keepends=True), self._pin_hash.key_id, self._breathe)[0]
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            return None

    def tidy(self) -> None:
        """Let those go that have not been in force for DAYS. Raises OSError as `save`."""
        force = self.in_force()
        if force.now and self._young(force) != force:
            self._point(force)

    def seal_all(self) -> None:
        """Seal what a version before left in the clear. Raises OSError: some of it is so still."""
        if self._seal is not None:
            for number in sorted(self._numbers()):
                path = self._path(number)
                if not lies_sealed(path):
                    durable.write(path, [self._seal.close(path.name, durable.read(path))])

    def rows_of(self, tenant_id: str) -> list[Tenant]:
        """What the kept rosters say of a tenant."""
        return [tenant for _, book in self._books() for tenant in book.tenants.values() if tenant.tenant_id == tenant_id]

    def forget(self, tenant_id: str, *, lives_here: bool) -> tuple[int, int]:
        """Rewrite every kept roster but that in force without this person: how many, and how many could not be.

        Of somebody who lives here the cards and dates stay, for a rollback must not keep them outside; name, papers, numbers and birth go.
        Damaged files that were put aside in the clear go whole.
        """
        done = failed = 0
        now = self.in_force().now
        for number, book in self._books():
            if number != now and any(tenant.tenant_id == tenant_id for tenant in book.tenants.values()):
                try:
                    self._write(number, _without(book, tenant_id, lives_here=lives_here))
                    done += 1
                except OSError:
                    failed += 1
        for path in self._folder.glob("*.damaged"):
            with contextlib.suppress(OSError):
                if not lies_sealed(path):  # under another key it may be the last copy, and tells nobody anything
                    path.unlink()
        return done, failed

    def _books(self) -> Iterator[tuple[int, Book]]:
        for number in sorted(self._numbers()):
            found = self.read(number)
            if found is not None:
                yield number, found[0]

    def _write(self, number: int, book: Book) -> None:
        path = self._path(number)
        lines = _lines(book, self._pin_hash.key_id, self._breathe)
        durable.write(path, lines if self._seal is None else [self._seal.close(path.name, b"".join(lines))])

    def _young(self, force: InForce) -> InForce:
        """The same without what is too old, and with a time for each of those before it."""
        certain = self._certain()
        if certain is None:
            return force
        since = {number: force.since.get(number, certain.isoformat()) for number in force.back}
        back = tuple(number for number in force.back if certain - datetime.fromisoformat(since[number]) <= DAYS)
        return replace(force, back=back, since={number: since[number] for number in back})

    def _point(self, force: InForce) -> None:
        force = self._young(force)
        body = {
            "v": FORM,
            "now": force.now,
            "back": list(force.back),
            "source": force.source,
            "held": force.held,
            "since": dict(force.since),
        }
        durable.write(self._folder / "in_force.json", [json.dumps(body).encode()])
        for number in self._numbers() - {force.now, *force.back}:
            with contextlib.suppress(OSError):
                self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.roster"

    def _numbers(self) -> set[int]:
        with contextlib.suppress(OSError):
            return {int(path.stem) for path in self._folder.glob("[0-9]*.roster") if path.stem.isdecimal()}
        return set()


_REGISTRY: Mapping[str, Any] = {
    "name": "", "permit_no": "", "permit_until": None, "birth_date": None, "consent_ref": "", "guardian_ref": "", "phone": "",
}  # fmt: skip
"""The fields of a tenant that no door needs, blank."""


def _for_doors(book: Book) -> Book:
    """The book without what no door needs, under another version, for it says less."""
    return replace(
        book,
        version=hashlib.sha256(f"{book.version}\0doors".encode()).hexdigest()[: len(book.version)],
        tenants=MappingProxyType(
            {ref: replace(one, **_REGISTRY, house_code="", room="", unit_code="") for ref, one in book.tenants.items()}
        ),
        houses=MappingProxyType({}),
    )


def _without(book: Book, tenant_id: str, *, lives_here: bool) -> Book:
    """The book without a person, or with no more of them than doors need; under another version, for it says something else."""
    refs = {ref for ref, tenant in book.tenants.items() if tenant.tenant_id == tenant_id}
    version = hashlib.sha256(f"{book.version}\0{tenant_id}".encode()).hexdigest()[: len(book.version)]
    if lives_here:
        tenants = {ref: replace(one, **_REGISTRY) if ref in refs else one for ref, one in book.tenants.items()}
        return replace(book, version=version, tenants=MappingProxyType(tenants))
    return replace(
        book,
        version=version,
        tenants=MappingProxyType({ref: one for ref, one in book.tenants.items() if ref not in refs}),
        visits=MappingProxyType({ref: visit for ref, visit in book.visits.items() if visit.host_ref not in refs}),
        cards=MappingProxyType({card: ref for card, ref in book.cards.items() if ref not in refs}),
        pins=MappingProxyType({pin: ref for pin, ref in book.pins.items() if ref not in refs}),
        duress=MappingProxyType({pin: ref for pin, ref in book.duress.items() if ref not in refs}),
    )


def _lines(book: Book, key_id: str, breathe: Callable[[float], None]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for kind, body in _parts(book, key_id, breathe):
        line = wire.line([kind, body]) + b"\n"
        digest.update(line)
        yield line
    yield wire.line(["end", digest.hexdigest()]) + b"\n"


def _parts(book: Book, key_id: str, breathe: Callable[[float], None]) -> Iterator[tuple[str, list[Any]]]:
    yield "book", [FORM, book.version, book.loaded_at.isoformat(), key_id]
    sections: tuple[tuple[str, Iterable[list[Any]]], ...] = (
        ("t", map(wire.pack_one, book.tenants.values())),
        ("v", map(wire.pack_pass, book.visits.values())),
        ("h", map(wire.pack_house, book.houses.values())),
        ("c", ([card.bits, card.value, ref] for card, ref in book.cards.items())),
        ("p", ([pin.hex(), ref] for pin, ref in book.pins.items())),
        ("d", ([pin.hex(), ref] for pin, ref in book.duress.items())),
    )
    for kind, items in sections:
        part: list[list[Any]] = []
        for item in paced(items, breathe):
            part.append(item)
            if len(part) == STRIDE:
                yield kind, part
                part = []
        if part:
            yield kind, part


def _book(lines: list[bytes], key_id: str, breathe: Callable[[float], None]) -> tuple[Book, bool]:
    """Raises ValueError and its like for anything but a whole file of this form."""
    *body, last = lines
    if json.loads(last) != ["end", hashlib.sha256(b"".join(body)).hexdigest()]:
        raise ValueError("not whole")
    _, (form, version, loaded_at, kept_key) = json.loads(body[0])
    if form != FORM:
        raise ValueError("another form")
    parts: dict[str, list[Any]] = {kind: [] for kind in "tvhcpd"}
    for line in body[1:]:
        kind, items = json.loads(line)
        parts[kind].extend(items)
        breathe(0.0005)
    same_key = kept_key == key_id
    book = Book(
        version=version,
        loaded_at=datetime.fromisoformat(loaded_at),
        tenants=MappingProxyType({item[0]: wire.unpack_one(item) for item in paced(parts["t"], breathe)}),
        visits=MappingProxyType({item[0]: wire.unpack_pass(item) for item in parts["v"]}),
        houses=MappingProxyType({item[0]: wire.unpack_house(item) for item in parts["h"]}),
        cards=MappingProxyType({Card(bits, value): ref for bits, value, ref in paced(parts["c"], breathe)}),
        pins=MappingProxyType({bytes.fromhex(pin): ref for pin, ref in parts["p"]} if same_key else {}),
        duress=MappingProxyType({bytes.fromhex(pin): ref for pin, ref in parts["d"]} if same_key else {}),
    )
    return book, same_key
