"""One gate's judgement, without I/O: inputs and a moment in, effects out. edge/gate/gate.py carries the effects out.

Everything that takes time lies outside: the core never waits, and a moment is always the one at which the input arrived, so that a whole
evening at the gate runs in simulated time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from drivers.orders import Indicate, Signal
from edge.access.crossing import Grant
from edge.access.decision import Decision, decide
from edge.access.events import By, Command, GuardOpened, RepeatedRefusals
from edge.access.reasons import GuardReason, Reason
from edge.access.request import CardShown, CodeShown, Credential, PinShown, Request
from edge.access.rules import Mode, Rules
from edge.access.state import WITHIN_S, PinTally, RefusalTally, State
from edge.access.terms import Book, Direction, Method
from edge.clock import Moment
from edge.gate.alarms import Alarms
from edge.gate.chatter import DESK, EXIT, READER, Chatter
from edge.gate.chronicle import Chronicle
from edge.gate.doorstep import Doorstep
from edge.gate.effects import Effects
from edge.gate.inputs import (
    ContactSaid,
    CoverSaid,
    DeskPressed,
    Driven,
    Edge,
    ExitPressed,
    FireSaid,
    Input,
    LineSaid,
    LockSaid,
    PassSeen,
    PinTyped,
    Presented,
    Recalled,
    Recorded,
    SetMode,
    SupplySaid,
    Unlock,
)
from edge.gate.modes import Modes
from edge.gate.passage import Passage, Passages
from edge.gate.plan import DoorPlan
from edge.gate.recorder import Memory
from edge.gate.view import Answer, DoorView, Result
from edge.gate.visits import Visits

SIGNALS: Mapping[Reason, Signal] = MappingProxyType(
    {Reason.TOO_MANY_ATTEMPTS: Signal.USE_CARD, Reason.NEEDS_SECOND_FACTOR: Signal.USE_CARD}
)
"""What a person is told; every other refusal is REFUSED, every grant OK."""
AGAIN_S = 1.0  # a reader repeats a card that is held to it two or three times a second: that is one refusal
NOBODY_WAITS = 0  # the token of an unlock that nobody is to be answered; those who ask count from 1
STATES_S = 1.0  # a board tells the states of its inputs within a second of Back; what is told then is no edge


class GateCore:
    """Judges and remembers for one door."""

    def __init__(
        self,
        plan: DoorPlan,
        *,
        book: Callable[[], Book],
        rules: Callable[[], Rules],
        memory: Memory,
        visits: Visits,
        new_id: Callable[[], str],
        pin_hash: Callable[[str], bytes],
        fire: bool = False,
        fire_known: bool = True,
    ) -> None:
        """`fire` is what was remembered of the fire input, `fire_known` whether nothing newer is expected (no fire input is wired)."""
        self._plan = plan
        self._book = book
        self._rules = rules
        self._visits = visits
        self._new_id = new_id
        self._pin_hash = pin_hash
        self._passages = Passages(plan.name)
        modes = Modes(plan.name, plan.open_schedule, memory, fire=fire, fire_known=fire_known)
        self._step = Doorstep(plan, modes, Alarms(plan.name, memory, new_id), self._passages, visits)
        self._chronicle = Chronicle(plan, self._passages, self._step, memory, new_id)
        self._pins = {name: PinTally() for name in plan.points}
        self._codes = {name: PinTally() for name in plan.points}
        self._refusals = {name: RefusalTally() for name in plan.points}
        self._refused_last: tuple[str, str, float] | None = None
        self._edges: dict[tuple[str, int], bool] = {}
        self._up_at: dict[str, float] = {}
        self._asked: dict[str, int] = {}
        self._chatter = Chatter(plan, self._step, self._chronicle)
        self._signalled = float("-inf")

    def start(self, now: Moment) -> Effects:
        """Once, before any input."""
        fx = Effects()
        self._step.start(now, fx)
        return fx

    def deadline(self) -> float | None:
        """When `due` must be called next (monotonic); None while nothing runs."""
        soonest = self._step.deadline()
        for time in (self._chronicle.deadline(), self._chatter.deadline()):
            if time is not None and (soonest is None or time < soonest):
                soonest = time
        return soonest

    def due(self, now: Moment) -> Effects:
        """Let time pass."""
        fx = Effects()
        self._step.due(now, fx, self._rules().tz)
        self._chronicle.due(now, fx)
        self._chatter.due(now, fx)
        self._chronicle.settle(fx)
        return fx

    def handle(self, item: Input, now: Moment) -> Effects:
        """Take one input that arrived at `now`; moments must not go back."""
        deadline = self.deadline()
        fx = self.due(now) if deadline is not None and deadline <= now.mono else Effects()
        match item:
            case Presented(access_point, credential, played):
                self._presented(Request(access_point, credential), now, fx, played=played)
            case PinTyped(access_point, digits, played):
                self._presented(Request(access_point, PinShown(self._pin_hash(digits))), now, fx, played=played)
            case ContactSaid() | CoverSaid() | SupplySaid():
                self._chatter.state(item, now, fx)
            case Driven():
                self._driven(item, now, fx)
            case ExitPressed(played):
                self._exit(now, fx, played=played)
            case PassSeen(direction):
                self._chatter.passed(direction, now, fx)
            case Edge():
                self._edge(item, now, fx)
            case Recorded():
                self._chronicle.record(item, self._book(), now, fx)
            case LineSaid():
                self._line(item, now, fx)
            case LockSaid(up):
                self._step.lock(up, now, fx)
            case DeskPressed():
                self._desk(item, now, fx)
            case FireSaid(active, drill):
                (self._step.drill if drill else self._step.fire)(active, now, fx)
            case Recalled(fire):
                self._step.recall(fire, self._chatter.counting, now, fx)
                self._chronicle.recall()
            case SetMode():
                self._set_mode(item, now, fx)
            case Unlock():
                self._unlock(item, now, fx)
        self._chronicle.settle(fx)
        return fx

    @property
    def holding(self) -> bool:
        """Whether the lock is to stay released: a release ordered before must not end that."""
        return self._step.machine.holding

    @property
    def locked_down(self) -> bool:
        """Whether nobody is to enter now."""
        return self._step.modes.mode is Mode.LOCK_DOWN

    @property
    def secures(self) -> bool:
        """Whether the lock may be secured without anybody's order: it is not to stand released, and the fire line has been heard."""
        return not self.holding and self._step.modes.fire_known

    def view(self, dropped: int = 0) -> DoorView:
        """The door now."""
        return self._step.view(dropped)

    def _presented(self, request: Request, now: Moment, fx: Effects, *, played: bool) -> None:
        book, rules = self._book(), self._rules()
        rest = self._pins[request.access_point].rests(rules.pins, now.mono)
        codes_rest = self._codes[request.access_point].rests(rules.pins, now.mono)
        decision = decide(request, book, rules, State(self._step.modes.mode, rest, codes_rest, self._visits.used), now)
        who = ("played " if played else "") + (decision.person_ref or _stranger(request.credential))
        if decision.granted:
            self._tell(request.access_point, Signal.OK, fx)
            self._granted(decision, who, book, now, fx, played=played)
        elif self._denied(decision, who, book, now, fx, played=played) or now.mono - self._signalled >= AGAIN_S:
            self._signalled = now.mono
            self._tell(request.access_point, SIGNALS.get(decision.reason, Signal.REFUSED), fx)

    def _granted(self, decision: Decision, who: str, book: Book, now: Moment, fx: Effects, *, played: bool) -> None:
        who = f"{decision.access_point} {who}"
        standing = self._step.machine.renews(who, now.mono)
        if standing is None and decision.person_ref is None and not played and self._strange(decision, now, fx):
            # whoever they are, they are one who asks for the way out again and again
            who = f"{decision.access_point} anybody"
            standing = self._step.machine.renews(who, now.mono)
            if standing is not None:
                self._step.prolong(standing, now, fx)
                return
        passage_id = standing.passage_id if standing else self._new_id()
        passage = self._passages.decided(decision, passage_id, book, now, played=played)
        if decision.duress:
            fx.events.append(self._passages.duress(passage, now))
        if standing is not None:
            self._step.renew(standing, now, fx)
            return
        fx.events.append(self._passages.granted(passage, now))
        if passage.visit and passage.person_ref is not None:
            self._visits.reserve(passage.person_ref)
        seconds = self._plan.extended_release_s if decision.extended else self._plan.release_s
        self._step.grant(Grant(passage_id, decision.direction, seconds, who), now, fx)

    def _denied(self, decision: Decision, who: str, book: Book, now: Moment, fx: Effects, *, played: bool) -> bool:
        """Whether it is one by one: False where it is only counted."""
        point = decision.access_point
        last, self._refused_last = self._refused_last, (point, who, now.mono)
        if decision.method in (Method.CARD, Method.QR) and last is not None and last[:2] == (point, who) and now.mono - last[2] < AGAIN_S:
            return True
        if decision.wrong_pin and not played:
            self._pins[point].wrong(now.mono)
        if decision.wrong_code and not played and (last is None or last[:2] != (point, who)):  # the same code once more is no new guess
            self._codes[point].wrong(now.mono)
        if not played and self._strange(decision, now, fx):
            return False
        passage = self._passages.decided(decision, None, book, now, played=played)
        fx.events.append(self._passages.denied(passage, now))
        if decision.duress:
            fx.events.append(self._passages.duress(passage, now))
        if played or decision.method is Method.FACE:
            return True  # a face that is told to use its card refuses nobody, and a camera sees the same face again and again
        if count := self._refusals[point].refused(now.mono):
            fx.events.append(
                RepeatedRefusals(
                    at=now.at,
                    clock=now.trust,
                    door=self._plan.name,
                    access_point=point,
                    direction=decision.direction,
                    count=count,
                    within_s=WITHIN_S,
                )
            )
        return True

    def _strange(self, decision: Decision, now: Moment, fx: Effects) -> bool:
        """Whether this is one of so many unknown cards, codes and PINs at its reader that it is only counted; or of so many refusals."""
        if decision.duress or decision.method is Method.FACE:
            return False
        if decision.person_ref is None or decision.reason is Reason.TOO_MANY_ATTEMPTS:
            return self._chatter.stranger(decision.access_point, now, fx)
        return not decision.granted and self._chatter.act(READER + decision.access_point, now, fx)

    def _exit(self, now: Moment, fx: Effects, *, played: bool = False) -> None:
        who = "played exit button" if played else "exit button"
        counted = not played and self._chatter.act(EXIT, now, fx)
        standing = self._step.machine.renews(who, now.mono)
        if standing is not None:
            (self._step.prolong if counted else self._step.renew)(standing, now, fx)
            return
        passage = self._passages.keep(Passage(self._new_id(), self._plan.way_out, Direction.OUT, Method.REX, Reason.REX))
        fx.events.append(self._passages.granted(passage, now))
        self._step.grant(Grant(passage.passage_id, Direction.OUT, self._plan.release_s, who, button=True), now, fx)

    def _edge(self, edge: Edge, now: Moment, fx: Effects) -> None:
        key = (edge.controller, edge.number)
        was = self._edges.get(key)
        self._edges[key] = edge.active
        just_back = now.mono - self._up_at.get(edge.controller, float("-inf")) < STATES_S
        if not edge.active or was or (was is None and just_back):
            return
        if isinstance(edge.means, ExitPressed):
            self._exit(now, fx)
        elif isinstance(edge.means, DeskPressed):
            self._desk(edge.means, now, fx)
        else:
            self._chatter.passed(edge.means.direction, now, fx)

    def _desk(self, pressed: DeskPressed, now: Moment, fx: Effects) -> None:
        """The guard's button. One that chatters opens an entry to nobody: the guard is told, and has the command."""
        if self._chatter.act(DESK, now, fx):
            return
        fx.command = Command(self._new_id(), By("button", "guard_button"), "button")
        self._unlock(Unlock(pressed.access_point, GuardReason.DESK_BUTTON, NOBODY_WAITS), now, fx)

    def _line(self, said: LineSaid, now: Moment, fx: Effects) -> None:
        self._edges = {key: active for key, active in self._edges.items() if key[0] != said.controller}
        if said.up:
            self._up_at[said.controller] = now.mono
        self._chronicle.line(said, now)
        self._step.line(said, now, fx)
        self._chatter.line(said)

    def _driven(self, done: Driven, now: Moment, fx: Effects) -> None:
        self._step.driven(done, now, fx)
        token = self._asked.pop(done.drive.passage_id, None)
        if token is not None:
            fx.answers.append((token, Answer(Result(done.result), done.drive.passage_id)))
        if done.drive.what == "release" and done.result == "failed":
            passage = self._passages.find(done.drive.passage_id)
            if passage is not None and passage.access_point is not None:
                self._tell(passage.access_point, Signal.WAIT, fx)  # yes, but the door does not move

    def _set_mode(self, item: SetMode, now: Moment, fx: Effects) -> None:
        fx.mode_asked = True
        result = Result.UNCHANGED if item.mode is self._step.modes.guard else Result.ACCEPTED
        self._step.set_mode(item.mode, now, fx)
        fx.answers.append((item.token, Answer(result, waits=self._step.modes.mode is Mode.FIRE)))

    def _unlock(self, item: Unlock, now: Moment, fx: Effects) -> None:
        point = self._plan.points[item.access_point]
        passage = self._passages.keep(Passage(self._new_id(), point.name, point.direction, Method.GUARD, Reason.GUARD))
        fx.events.append(self._passages.granted(passage, now))
        fx.events.append(
            GuardOpened(
                at=now.at,
                clock=now.trust,
                door=self._plan.name,
                access_point=point.name,
                direction=point.direction,
                passage_id=passage.passage_id,
                reason_code=item.reason,
            )
        )
        if self.holding:
            fx.answers.append((item.token, Answer(Result.UNCHANGED, passage.passage_id)))
        else:
            self._asked[passage.passage_id] = item.token
        self._tell(point.name, Signal.OK, fx)
        self._step.grant(Grant(passage.passage_id, point.direction, self._plan.release_s, passage.passage_id), now, fx)

    def _tell(self, access_point: str, signal: Signal, fx: Effects) -> None:
        reader = self._plan.points[access_point].reader
        if reader is not None:
            fx.tells.append((reader[0], Indicate(reader[1], signal)))


def _stranger(credential: Credential) -> str:
    """What tells one unknown credential from another; never shown."""
    match credential:
        case CardShown(card) | CodeShown(card):
            return f"{card.bits}:{card.value}"
        case PinShown(hashed):
            return hashed.hex()
    return "unreadable"
