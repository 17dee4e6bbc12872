"""The faces in force: whose templates may be used today, and the lens each access point looks through. One owner, immutable snapshots."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from edge.access.rules import Rules, groups_of
from edge.access.terms import Book, Tenant
from edge.custody.tombstones import Tombstones
from edge.custody.vault import Unreadable
from edge.roster.calibrate import Allows, Calibration, calibrate
from edge.roster.faces.consent import Day, Why, ended, may_use, with_other_way
from edge.roster.faces.templates import Template, Templates
from edge.roster.gallery import Enrolled, Gallery

log = logging.getLogger(__name__)

CONFUSED = 0.05  # more asked of a tenant after "not this person": the margin by which the best must lead anyway
MOST_CONFUSED = 0.20  # beyond it the face is of no use here; a new enrolment starts at nothing
DOUBTED = 8  # decisions remembered, so that a guard who presses twice raises the margin once
KEPT_DAYS = 1  # after the tenancy, for an extension of the contract (CONTRACT section 7)


@dataclass(frozen=True, slots=True)
class FacesInForce:
    """What matching needs, made whole and swapped whole."""

    galleries: Mapping[str, Gallery] = field(default_factory=lambda: MappingProxyType({}))
    calibrations: Mapping[str, Calibration] = field(default_factory=lambda: MappingProxyType({}))
    enrolled: tuple[Enrolled, ...] = field(default=(), repr=False)
    waiting: Mapping[str, Why] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    unreadable: int = 0
    renew: tuple[str, ...] = ()
    """Tenants for whom somebody else was taken: they should be enrolled anew."""

    def alone(self, access_point: str) -> bool:
        """Whether a face by itself may open here."""
        found = self.calibrations.get(access_point)
        return found is not None and found.allows is Allows.FACE_ALONE


class Faces:
    """Templates and who may be matched. Call it from one thread at a time; `in_force` is safe to read from anywhere."""

    def __init__(self, templates: Templates, tombstones: Tombstones | None, rules: Callable[[], Rules], rate: float | None) -> None:
        """`tombstones` None: they cannot be read. `rate`: how often a stranger may be taken for somebody; None: nobody is matched here.

        Without either nobody's face is in force, and what may not be kept goes all the same.
        """
        self._templates, self._tombstones, self._rules, self._rate = templates, tombstones, rules, rate
        self.in_force = FacesInForce()

    def rebuild(self, book: Book, day: Day) -> FacesInForce:
        """Load what may be used, forget what may not be kept, and calibrate each access point anew. Blocks for seconds with many tenants.

        A template lives for the tenancy and a day (CONTRACT section 7), or until consent is withdrawn. Without a roster in force nobody's
        face is used and nothing is destroyed: that nobody is known is then no word about anybody. Raises OSError.
        """
        if not book.version:
            self.in_force = FacesInForce()
            return self.in_force
        rules = self._rules()
        people: list[Enrolled] = []
        waiting: dict[str, Why] = {}
        renew: list[str] = []
        unreadable = 0
        others = with_other_way(book)
        for ref in list(self._templates.refs()):
            why, template = self._usable(ref, book, day, other_way=ref in others)
            if why is None:
                unreadable += 1
            elif template is not None and why is Why.MAY:
                renew += [ref] if template.renew else []
                people.append(Enrolled(ref, template.photos, groups_of(book.tenants[ref]), template.extra))
            else:
                waiting[ref] = why
        if self._rate is None or self._tombstones is None:
            return self.in_force
        people.sort(key=lambda one: one.ref)
        self.in_force = replace(
            _made(people, rules, self._rate), waiting=MappingProxyType(waiting), unreadable=unreadable, renew=tuple(renew)
        )
        return self.in_force

    def enrolled(self, template: Template) -> None:
        """Keep a new template; `rebuild` puts it in force. Raises OSError."""
        self._templates.save(template)

    def times_forgotten(self, tenant_id: str) -> int:
        """How often this tenant was forgotten."""
        return 0 if self._tombstones is None else self._tombstones.of(tenant_id).times

    def consent(self, tenant: Tenant) -> Tenant:
        """The tenant without a paper that ended when they were forgotten: only a new act or a new paper allows anything again."""
        ended = tenant.consent_ref and self._tombstones is not None and self._tombstones.ended(tenant.tenant_id, tenant.consent_ref)
        return replace(tenant, consent_ref="") if ended else tenant

    @property
    def lays_tombstones(self) -> bool:
        """Whether `forget` lays one: it cannot where those of before cannot be read."""
        return self._tombstones is not None

    def forget(self, tenant_id: str, papers: Iterable[str], refs: Iterable[str], at: datetime) -> int:
        """Lay a tombstone, then destroy the templates of these refs, which `rebuild` takes out of force; how many. Raises OSError."""
        if self._tombstones is not None:
            self._tombstones.lay(tenant_id, papers, at)
        return sum([self._templates.forget(ref) for ref in refs])

    def _withdraw(self, tenant: Tenant, at: datetime) -> None:
        """Consent was withdrawn: the paper ends with the template, so that Y in a later sheet is no consent by itself. Raises OSError."""
        papers = {tenant.consent_ref}
        with suppress(Unreadable, OSError):
            papers |= {template.paper for template in [self._templates.load(tenant.ref)] if template is not None}
        try:
            if self._tombstones is not None:
                self._tombstones.lay(tenant.tenant_id, papers - {""}, at)
        finally:  # a full disk keeps no face
            self._templates.forget(tenant.ref)

    def not_this_person(self, ref: str, of: str) -> bool:
        """A guard saw that in decision `of` somebody else was taken for this tenant: ask more of this face, and ask for a new enrolment.

        Whether anything was raised: not where there is no template, nor twice for one decision. Raises OSError, Unreadable.
        """
        template = self._templates.load(ref)
        if template is None or of in template.doubted:
            return False
        doubted = (*template.doubted, of)[-DOUBTED:]
        self._templates.save(replace(template, extra=min(MOST_CONFUSED, template.extra + CONFUSED), renew=True, doubted=doubted))
        return True

    def has(self, ref: str) -> bool:
        """Whether a tenant has a template, one that does not open too."""
        return self._templates.has(ref)

    def looked(self, ref: str) -> float:
        """The newest change to a tenant's photos that their template knows of; -inf without a template. Raises OSError."""
        try:
            template = self._templates.load(ref)
        except Unreadable:
            return float("-inf")
        return float("-inf") if template is None else template.looked

    def _usable(self, ref: str, book: Book, day: Day, *, other_way: bool) -> tuple[Why | None, Template | None]:
        """Whether a template may be used, and it; None and None where it cannot be read."""
        tenant = book.tenants.get(ref)
        if tenant is None:
            self._templates.forget(ref)
            return Why.NO_CONSENT, None
        if not tenant.face_consent:
            self._withdraw(tenant, book.loaded_at)
            return Why.NO_CONSENT, None
        if ended(tenant, day, KEPT_DAYS):
            self._templates.forget(ref)
            return Why.ENDED, None
        try:
            template = self._templates.load(ref)
        except Unreadable:
            return None, None
        if template is None:
            return None, None
        if self._tombstones is not None and template.forgotten != self.times_forgotten(tenant.tenant_id):
            self._templates.forget(ref)  # put back from a copy
            return Why.NO_ACT, None
        return may_use(self.consent(tenant), template.act, day, other_way=other_way), template


def _made(people: list[Enrolled], rules: Rules, rate: float) -> FacesInForce:
    """One gallery and calibration for each set of groups; access points with the same people share them. "" has everybody."""
    galleries: dict[str, Gallery] = {}
    calibrations: dict[str, Calibration] = {}
    known: dict[frozenset[str], tuple[Gallery, Calibration]] = {}
    for name in ("", *rules.access_points):
        groups = frozenset[str]().union(*(rule.groups for rule in rules.at[name])) if name else None
        here = [one for one in people if groups is None or one.groups & groups]
        if not here:
            continue
        key = frozenset(one.ref for one in here)
        if key not in known:
            space = here[0].photos[0].space
            same = [one for one in here if one.photos[0].space == space]
            known[key] = Gallery.of(space, same), calibrate(space, same, rate)
        galleries[name], calibrations[name] = known[key]
    return FacesInForce(MappingProxyType(galleries), MappingProxyType(calibrations), tuple(people))
