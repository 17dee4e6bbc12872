"""The decision: may this person pass, here, now? A pure function; "why was I refused?" is a line in its table test.

Order of the questions: who is it, does this direction ask anything at all, is the door locked down, is the person still and already
registered, does a rule lead through this access point, at this time.

An exit releases for whoever presents a card, code or PIN, known or not, ended or not, under lock-down too: it never holds anybody inside.
What gave no number at all is no card (it may be noise on a wire) and releases nothing; the exit button is there for that.
A face is the exception: it opens an exit only where it is good enough to open by itself, since a card, a PIN or the button always does.
Under lock-down nobody enters by a credential, guards included, for a guard's card can be lost or taken: a guard at the desk unlocks.
An expired permit refuses nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.access.reasons import Reason
from edge.access.request import CardShown, CodeShown, FaceShown, PinShown, Request
from edge.access.rules import AccessPoint, Mode, Rules, groups_of
from edge.access.state import State
from edge.access.terms import Book, Direction, Method, PersonKind, Tenant, Visit
from edge.clock import Moment, Trust


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and what it was judged by."""

    reason: Reason
    access_point: str
    direction: Direction
    method: Method
    person_ref: str | None = None
    person_kind: PersonKind = PersonKind.UNKNOWN
    duress: bool = False
    """A cry for help, whatever the answer is."""
    extended: bool = False
    """The person needs longer at the door."""
    visit: bool = False
    """`person_ref` is a visit, whose entries are counted."""
    wrong_pin: bool = False
    """A PIN that nobody has, at an entry that was taking PINs."""
    wrong_code: bool = False
    """A QR code that nobody has, at an entry that was taking codes."""

    @property
    def granted(self) -> bool:
        """Whether the door opens."""
        return self.reason.grants


def decide(request: Request, book: Book, rules: Rules, state: State, now: Moment) -> Decision:
    """Decide one request. Raises KeyError for an access point the rules do not know (a fault of the wiring, never of a person)."""
    point = rules.access_points[request.access_point]
    credential = request.credential
    ref, duress = _whose(request, book)
    person = None if ref is None else book.tenants.get(ref) or book.visits.get(ref)
    at_exit = point.direction is Direction.OUT
    rests = not at_exit and (
        state.pins_rest if isinstance(credential, PinShown) else state.codes_rest and isinstance(credential, CodeShown)
    )
    guessed = person is None and not at_exit and not rests

    if rests:
        reason = Reason.TOO_MANY_ATTEMPTS
    elif person is None:
        reason = _stranger(request, at_exit)
    elif state.mode is Mode.LOCK_DOWN and not at_exit:
        reason = Reason.LOCKED_DOWN
    elif isinstance(person, Visit):
        reason = _visitor(person, point, state, now)
    else:
        reason = _tenant(person, request.access_point, rules, now)
    if at_exit and person is not None and not reason.grants:
        reason = Reason.EXIT_ALWAYS
    if isinstance(credential, FaceShown) and not credential.alone and reason.grants:
        reason = Reason.NEEDS_SECOND_FACTOR

    return Decision(
        reason,
        point.name,
        point.direction,
        credential.method,
        person_ref=ref if person is not None else None,
        person_kind=PersonKind.UNKNOWN if person is None else PersonKind.VISITOR if isinstance(person, Visit) else person.kind,
        duress=duress and person is not None,
        extended=isinstance(person, Tenant) and person.extended_time,
        visit=isinstance(person, Visit),
        wrong_pin=guessed and isinstance(credential, PinShown),
        wrong_code=guessed and isinstance(credential, CodeShown),
    )


def _whose(request: Request, book: Book) -> tuple[str | None, bool]:
    """The person_ref behind a credential, and whether it was a duress PIN."""
    match request.credential:
        case CardShown(card) | CodeShown(card):
            return book.cards.get(card), False
        case PinShown(hashed):
            forced = book.duress.get(hashed)
            return (forced, True) if forced is not None else (book.pins.get(hashed), False)
        case FaceShown(ref):
            return ref, False
    return None, False


def _stranger(request: Request, at_exit: bool) -> Reason:
    match request.credential:
        case CardShown() | CodeShown() | PinShown():
            return Reason.EXIT_ALWAYS if at_exit else Reason.UNKNOWN_CREDENTIAL
        case FaceShown():
            return Reason.UNKNOWN_CREDENTIAL  # moved out between two frames
    return Reason.MISREAD


def _visitor(visit: Visit, point: AccessPoint, state: State, now: Moment) -> Reason:
    if now.over is not None and now.over >= visit.ends:
        return Reason.EXPIRED
    if now.trust is not Trust.UNTRUSTED and now.at < visit.begins:
        return Reason.NOT_YET_VALID
    if point.name not in visit.access_points:
        return Reason.NO_RULE
    entering = point.direction is Direction.IN
    if entering and visit.entries is not None and state.visits_used.get(visit.ref, 0) >= visit.entries:
        return Reason.VISIT_USED_UP
    return Reason.GRANTED


def _tenant(tenant: Tenant, access_point: str, rules: Rules, now: Moment) -> Reason:
    if tenant.valid_until is not None and now.over is not None and now.over.astimezone(rules.tz).date() > tenant.valid_until:
        return Reason.EXPIRED
    trusted = now.trust is not Trust.UNTRUSTED
    if tenant.valid_from is not None and trusted and now.at.astimezone(rules.tz).date() < tenant.valid_from:
        return Reason.NOT_YET_VALID
    groups = groups_of(tenant)
    reason = Reason.NO_RULE
    for rule in rules.at[access_point]:
        if rule.groups.isdisjoint(groups):
            continue
        if not trusted or rule.schedule.covers(now.at, rules.tz):
            return Reason.GRANTED
        reason = Reason.WRONG_TIME
    return reason
