"""The delivery's decisions, in simulated time: no broker, no disk, no clock."""

from __future__ import annotations

import itertools

import pytest

from edge.journal import Ack as Verdict
from edge.uplink.coverage import Coverage
from edge.uplink.delivery import Delivery, Lane, Send
from edge.uplink.limits import Limits

LIMITS = Limits(window=20, reserve=4, batch=10, pull=50, far=10, live_burst=50, default_rate=20)


def drained(delivery: Delivery, now: float, *, settle: bool = True) -> list[Send]:
    """Everything it wants to send at this moment, carried out at once."""
    sends = []
    while (send := delivery.next(now)) is not None:
        events = send.upto - send.after
        messages = events if send.lane is Lane.LIVE else -(-events // LIMITS.batch)
        delivery.sent(send, send.upto, events, messages, now)
        sends.append(send)
        if settle:
            for _ in range(messages):
                delivery.settled(send.lane, True, now)
    return sends


def numbers(sends: list[Send], lane: Lane | None = None) -> list[int]:
    """The numbers sent, in order."""
    return [n for send in sends if lane in {None, send.lane} for n in range(send.after + 1, send.upto + 1)]


def generous(delivery: Delivery, now: float, acked: int = 0) -> None:
    """The centre speaks for the first time and takes whatever comes."""
    delivery.acknowledged("centre", acked, Verdict.REPEATED, 100_000, now)


def test_live_goes_before_backlog_one_by_one() -> None:
    """What is committed now is sent before what has waited for days."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 1_000, {"centre": 0})
    generous(delivery, 0.0)
    delivery.committed(1_003)
    first = delivery.next(0.0)
    assert first == Send(Lane.LIVE, 1_000, 1_003)


def test_backlog_never_takes_the_last_places_of_the_window() -> None:
    """A live event finds room even while no PUBACK comes."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 1_000, {"centre": 0})
    generous(delivery, 0.0)
    flying = sum(-(-(send.upto - send.after) // LIMITS.batch) for send in drained(delivery, 0.0, settle=False))
    assert flying <= LIMITS.window - LIMITS.reserve
    delivery.committed(1_001)
    assert numbers(drained(delivery, 0.0, settle=False), Lane.LIVE) == [1_001]


def test_backlog_keeps_to_the_credit() -> None:
    """At 40 events a second nothing more than that leaves in ten seconds, beyond the bucket."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 10_000, {"centre": 0})
    delivery.acknowledged("centre", 0, Verdict.REPEATED, 40, 0.0)
    sent = 0
    for tick in range(1, 101):
        now = tick / 10
        batch = numbers(drained(delivery, now))
        sent += len(batch)
        if batch:
            delivery.acknowledged("centre", batch[-1], Verdict.ADVANCED, 40, now)
    assert 350 <= sent <= 400 + 2 * LIMITS.batch


def test_credit_nought_means_wait_and_nobody_is_blamed() -> None:
    """A centre that asks for a pause gets live events only."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 100, {"centre": 0})
    delivery.acknowledged("centre", 0, Verdict.REPEATED, 0, 0.0)
    drained(delivery, 0.0)  # the bucket's first fill was the default rate's
    for second in range(1, 100):
        assert delivery.tick(float(second)) == ()
        assert numbers(drained(delivery, float(second)), Lane.BACKLOG) == []
    delivery.committed(101)
    assert numbers(drained(delivery, 100.0)) == [101]


@pytest.mark.parametrize("between", [None, 1], ids=["0 for ever", "0 and 1 in turn"])
def test_credit_nought_for_ever_holds_nobody_up_for_ever(between: int | None) -> None:
    """Whoever says 0 every second gets a little of the backlog every ten minutes all the same: a day of a gate in a day."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 10_000, {"centre": 0})
    delivery.acknowledged("centre", 0, Verdict.REPEATED, 0, 0.0)
    drained(delivery, 0.0)
    done = 0
    for second in range(1, 86_400):
        now = float(second)
        for credit in (0,) if between is None else (between, 0):
            delivery.acknowledged("centre", done, Verdict.REPEATED, credit, now)
        delivery.tick(now)
        if sent := numbers(drained(delivery, now)):
            done = sent[-1]
            delivery.acknowledged("centre", done, Verdict.ADVANCED, None, now)
        assert second != 599 or done <= 2 * LIMITS.batch
    assert done >= 1_500


def test_an_unproven_word_makes_a_consumer_one_that_never_spoke() -> None:
    """It has stopped advancing, so that it is sent a little at a time; once something unproven comes it is sent everything."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 1_000, {"centre": 10})
    delivery.unproven("centre")
    sent: list[int] = []
    for second in range(600):
        delivery.tick(float(second))
        sent += numbers(drained(delivery, float(second)))
    assert set(sent) == set(range(11, 1_001))


def test_stale_credit_falls_back_to_the_default() -> None:
    """What a centre granted before it went silent is no promise after three minutes."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 10_000, {"centre": 0})
    delivery.acknowledged("centre", 0, Verdict.REPEATED, 0, 0.0)
    drained(delivery, 0.0)
    now = LIMITS.credit_fresh_s + 20.0
    assert delivery.wake_at(now - 20.0) is not None
    delivery.tick(now)
    assert numbers(drained(delivery, now), Lane.BACKLOG)


def test_no_progress_for_three_seconds_goes_back_to_the_first_unacknowledged() -> None:
    """Go-back-N, with a short window after a stall and the full one after progress."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 200, {"centre": 0})
    generous(delivery, 0.0)
    first = numbers(drained(delivery, 0.0))
    assert first[0] == 1
    assert len(first) <= LIMITS.outstanding
    delivery.acknowledged("centre", 30, Verdict.ADVANCED, 100_000, 1.0)
    drained(delivery, 1.0)
    assert delivery.tick(3.9) == ()
    assert delivery.tick(4.1) == ("centre",)
    again = numbers(drained(delivery, 4.1))
    assert again[0] == 31
    assert len(again) == LIMITS.batch
    delivery.acknowledged("centre", 40, Verdict.ADVANCED, 100_000, 4.2)
    assert len(numbers(drained(delivery, 4.2))) == 2 * LIMITS.batch
    assert delivery.silent == {}


def test_stall_is_said_once_and_repeated_ever_more_rarely() -> None:
    """Back-off from 3 s to 10 minutes, one complaint."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 5, {"centre": 0})
    generous(delivery, 0.0)
    times, said, now = [0.0], 0, 0.0
    drained(delivery, now)
    while now < 7_000.0:
        now += 0.5
        said += len(delivery.tick(now))
        if numbers(drained(delivery, now)):
            times.append(now)
    waits = [b - a for a, b in itertools.pairwise(times)]
    assert said == 1
    assert waits[0] == pytest.approx(LIMITS.stall_s, abs=0.6)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(LIMITS.backoff_max_s, abs=0.6)


def test_centre_that_never_acked_gets_each_event_once_then_repeats() -> None:
    """Nobody acknowledges: everything goes out once before anything goes out twice, and the repetitions back off."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 300, {"centre": 0})
    order: list[int] = []
    now = 0.0
    while len(order) < 900 and now < 1_000.0:
        delivery.tick(now)
        order += numbers(drained(delivery, now))
        now += 0.25
    assert order[:300] == list(range(1, 301))
    assert order[300:600] == list(range(1, 301))
    assert delivery.silent == {"centre": False}


def test_live_events_do_not_put_off_the_repetition() -> None:
    """A busy gate still repeats what a silent centre may have missed."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 0, {"centre": 0})
    head, now, sent = 0, 0.0, []
    while now < 5.0:
        now += 0.5
        head += 1
        delivery.committed(head)
        delivery.tick(now)
        sent += numbers(drained(delivery, now))
    assert sent.count(1) >= 2


def test_centre_that_went_back_is_replayed_at_once() -> None:
    """Restored from a backup of yesterday: it gets everything since, without waiting for a stall."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 500, {"centre": 500})
    assert numbers(drained(delivery, 0.0)) == []
    delivery.acknowledged("centre", 450, Verdict.WENT_BACK, 100_000, 1.0)
    sent, now = [], 1.0
    while now < 3.0:
        sent += numbers(drained(delivery, now))
        now += 0.1
    assert sent == list(range(451, 501))


def test_centre_back_after_a_long_silence_need_not_wait_for_the_back_off() -> None:
    """Its first word, even without progress, begins the repetition."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 50, {"centre": 10})
    now = 0.0
    while now < 500.0:
        delivery.tick(now)
        drained(delivery, now)
        now += 1.0
    delivery.acknowledged("centre", 10, Verdict.REPEATED, 100_000, now)
    assert numbers(drained(delivery, now))[0] == 11


def test_centre_that_only_ever_repeats_itself_is_not_flooded() -> None:
    """One that answers each repetition with the same number gets no more than the back-off allows."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 1_000, {"centre": 10})
    sent, now = 0, 0.0
    while now < 3_600.0:
        now += 0.5
        delivery.tick(now)
        came = numbers(drained(delivery, now))
        sent += len(came)
        if came:
            delivery.acknowledged("centre", 10, Verdict.REPEATED, 1_000, now + 0.1)
    assert sent < 400


def test_dead_consumer_delays_nobody() -> None:
    """Two consumers, one dead since long ago: the other gets its backlog at its own pace."""
    delivery = Delivery(LIMITS, ["centre", "auditor"])
    delivery.connected(0.0, 5_000, {"centre": 4_000, "auditor": 100})
    delivery.acknowledged("centre", 4_000, Verdict.REPEATED, 100_000, 0.0)
    got = Coverage(4_000)
    now = 0.0
    while got.contiguous < 5_000:
        now += 0.05
        assert now < 10.0
        delivery.tick(now)
        for number in numbers(drained(delivery, now)):
            got.add(number, number)
        if got.contiguous > 4_000:
            delivery.acknowledged("centre", got.contiguous, Verdict.ADVANCED, 100_000, now)


def test_refused_backlog_is_tried_again_from_the_start_ever_more_rarely() -> None:
    """Denied by the broker: live events are still offered, the backlog waits and loses nothing."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 100, {"centre": 10})
    generous(delivery, 0.0, 10)
    tries, now = [], 0.0
    while now < 3_000.0:
        delivery.tick(now)
        send = delivery.next(now)
        if send is not None:
            tries.append((now, send.after))
            delivery.sent(send, send.upto, send.upto - send.after, 1, now)
            delivery.settled(send.lane, False, now)
        now += 0.5
    assert {after for _, after in tries} == {10}
    assert len(tries) < 15
    assert delivery.refused == {Lane.BACKLOG}
    delivery.committed(101)
    assert numbers(drained(delivery, now), Lane.LIVE) == [101]


def test_nothing_leaves_while_held_and_nobody_is_blamed_afterwards() -> None:
    """A degraded journal: silence, then the backlog goes on."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 100, {"centre": 0})
    generous(delivery, 0.0)
    drained(delivery, 0.0)
    delivery.hold(True, 1.0)
    delivery.committed(101)
    assert (delivery.tick(500.0), delivery.next(500.0), delivery.wake_at(500.0)) == ((), None, None)
    delivery.hold(False, 500.0)
    assert delivery.tick(501.0) == ()
    assert 101 in numbers(drained(delivery, 501.0))


def test_burst_too_large_for_the_live_lane_becomes_backlog() -> None:
    """Thousands at once go in batches; what comes after them is live again."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 0, {"centre": 0})
    generous(delivery, 0.0)
    delivery.committed(500)
    assert {send.lane for send in drained(delivery, 0.0)} == {Lane.BACKLOG}
    delivery.committed(501)
    assert numbers(drained(delivery, 0.0), Lane.LIVE) == [501]


def test_reconnect_begins_at_the_first_unacknowledged() -> None:
    """A killed broker forgot what it had acknowledged: it is all sent again, and after a short interruption what is new goes first."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 50, {"centre": 0})
    generous(delivery, 0.0)
    drained(delivery, 0.0)
    delivery.disconnected(1.0)
    delivery.committed(60)
    assert delivery.next(1.0) is None
    delivery.connected(2.0, 60, {"centre": 20})
    generous(delivery, 2.0, 20)
    assert numbers(drained(delivery, 2.0))[:20] == [*range(51, 61), *range(21, 31)]
    delivery.disconnected(3.0)
    delivery.connected(3_600.0, 90, {"centre": 20})
    assert numbers(drained(delivery, 3_600.0), Lane.LIVE) == []


@pytest.mark.parametrize("window", [1, 2, 3, 10, 65_535])
def test_window_of_the_broker_is_kept(window: int) -> None:
    """Never more in flight than the broker can take; two at least, or nothing would ever move."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 1_000, {"centre": 0}, window)
    generous(delivery, 0.0)
    delivery.committed(1_040)
    messages = 0
    for send in drained(delivery, 0.0, settle=False):
        events = send.upto - send.after
        messages += events if send.lane is Lane.LIVE else -(-events // LIMITS.batch)
    assert 1 <= messages <= max(2, min(window, LIMITS.window))


def test_a_line_that_answers_late_gets_few_batches_at_once() -> None:
    """Two batches a second leave two or three on the wire; a line that answers at once gets a full window, a slow one little again."""
    delivery = Delivery(Limits(), ["centre"])
    delivery.connected(0.0, 200_000, {"centre": 0})
    delivery.acknowledged("centre", 0, Verdict.REPEATED, 10_000_000, 0.0)
    now, wire = 1.0, list[Send]()
    for way_s, least, most in ((0.5, 1, 3), (0.001, 30, 42), (0.5, 1, 3)):
        widest = 0
        for turn in range(200):
            while (send := delivery.next(now)) is not None:
                batches = -(-(send.upto - send.after) // 100)
                delivery.sent(send, send.upto, send.upto - send.after, batches, now)
                wire += [Send(send.lane, 0, min(send.after + 100 * (n + 1), send.upto)) for n in range(batches)]
            widest = max(widest, len(wire)) if turn > 100 else 0
            now += way_s  # one after the other
            done = wire.pop(0).upto
            delivery.settled(Lane.BACKLOG, True, now)
            delivery.acknowledged("centre", done, Verdict.ADVANCED, 10_000_000, now)
        assert least <= widest <= most


def test_a_full_window_is_no_reason_to_look_again_at_once() -> None:
    """With credit left and no room on the wire it is the broker's answer that wakes; a loop that looks meanwhile only costs."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 1_000, {"centre": 0})
    generous(delivery, 0.0)
    drained(delivery, 1.0, settle=False)
    wake = delivery.wake_at(1.0)
    assert wake is None or wake > 1.0


def test_a_hole_larger_than_all_room_is_passed() -> None:
    """After a stall little may be outstanding; a hole of thousands takes none of it, and the record that names it is sent."""
    delivery = Delivery(LIMITS, ["centre"])
    delivery.connected(0.0, 6_010, {"centre": 0})
    delivery.acknowledged("centre", 0, Verdict.REPEATED, 100_000, 0.0)
    delivery.acknowledged("centre", 5, Verdict.ADVANCED, 100_000, 0.0)
    now, hole, sent = 0.0, range(6, 6_001), set[int]()
    for _ in range(40):
        while (send := delivery.next(now)) is not None:
            wanted = [number for number in range(send.after + 1, send.upto + 1) if number not in hole]
            last = send.upto if wanted else hole[-1]
            sent |= set(wanted)
            delivery.sent(send, last, len(wanted), bool(wanted), now)
            for _ in range(bool(wanted)):
                delivery.settled(send.lane, True, now)
        if 6_001 not in sent:
            delivery._rewind(delivery._each[0], now, gently=True)  # as after a stall
        now += 5.0
        delivery.tick(now)
    assert set(range(6_001, 6_011)) <= sent
