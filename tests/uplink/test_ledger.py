"""The centre's books: any order, any repetition, any gateway, any garbage."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from edge.uplink.arrivals import Arrival, Malformed, take_apart
from edge.uplink.broker import Message
from edge.uplink.ledger import Ledger, Word
from edge.uplink.lines import readable
from edge.uplink.receive_store import Key, Store

BASE = "anyu/v1/anting_01/gw1"
KEY = Key("anting_01", "gw1", "e1")


def event(seq: int, *, kind: str = "door.opened", epoch: str = "e1", gateway: str = "gw1", **data: object) -> dict[str, Any]:
    """A CloudEvent as a gateway would send it."""
    return {
        "specversion": "1.0",
        "id": f"{gateway}-{epoch}-{seq}",
        "source": f"/anyu/anting_01/{gateway}",
        "type": f"anyu.{kind}.v1",
        "time": "2026-03-02T08:00:00.000Z",
        "sequence": str(seq),
        "datacontenttype": "application/json",
        "data": {"clock": "synced", "door": "north", **data},
    }


def live(seq: int, **more: Any) -> Message:
    """One event on its own."""
    body = event(seq, **more)
    return Message(f"anyu/v1/anting_01/{more.get('gateway', 'gw1')}/evt/door", json.dumps(body).encode(), False)


def batch(seqs: Iterable[int], **more: Any) -> Message:
    """Several in an array."""
    return Message(f"{BASE}/evtb", json.dumps([event(seq, **more) for seq in seqs]).encode(), False)


def health(head: int, oldest: int = 1, epoch: str = "e1") -> Message:
    """A gateway's health, as far as the receiver reads it."""
    body = {
        "at": "2026-03-02T08:00:00Z",
        "clock": {"trust": "synced"},
        "epoch": epoch,
        "seq_head": head,
        "seq_oldest": oldest,
        "acked": {},
        "chain_head": "",
        "alg": "sha256",
        "disk": {"free_bytes": 1},
    }
    return Message(f"{BASE}/health", json.dumps(body).encode(), True)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterable[Ledger]:
    """A centre's books on disk."""
    made = Ledger(tmp_path / "centre.db")
    yield made
    made.close()


def test_only_the_contiguous_part_is_acknowledged(ledger: Ledger) -> None:
    """5 without 4 is kept but not confirmed; with 4 both are."""
    assert ledger.take([batch([1, 2, 3]), live(5)])[0] == [Word(KEY, 3)]
    assert ledger.summary().gaps == 1
    assert ledger.take([live(4)])[0] == [Word(KEY, 5)]
    assert (ledger.summary().received, ledger.summary().missing) == (5, 0)


def test_repetition_is_dropped_counted_and_acknowledged_anew(ledger: Ledger) -> None:
    """A gateway that repeats has missed our word: it gets it again."""
    ledger.take([batch([1, 2, 3])])
    words, fresh = ledger.take([batch([2, 3]), live(3)])
    assert (words, fresh) == ([Word(KEY, 3)], [])
    assert (ledger.summary().received, ledger.summary().duplicates) == (3, 3)


def test_health_asks_for_our_word_and_proves_the_tail(ledger: Ledger) -> None:
    """A gateway we know nothing of is told so (0); the head it names shows what is missing at the end."""
    assert ledger.take([health(head=7)])[0] == [Word(KEY, 0)]
    ledger.take([batch([1, 2, 3])])
    assert (ledger.summary().missing, ledger.gaps()) == (4, {KEY: [(4, 7)]})


def test_loss_fills_the_gap_that_can_never_be_filled_otherwise(ledger: Ledger) -> None:
    """`gateway.loss` names 4..9: the word goes past them, and they are counted as lost, not as missing."""
    ledger.take([batch([1, 2, 3]), live(11)])
    loss = {"kind": "gateway.loss", "epoch": "e1", "from": "4", "to": "9", "cause": "disk_full"}
    body = event(10, kind="gateway.loss")
    body["data"] |= {key: loss[key] for key in ("epoch", "from", "to", "cause")}
    words, _ = ledger.take([Message(f"{BASE}/evt/gateway", json.dumps(body).encode(), False)])
    assert words == [Word(KEY, 11)]
    summary = ledger.summary()
    assert (summary.lost, summary.missing, summary.gaps) == (6, 0, 0)
    # It came after all: kept, no duplicate, and no longer lost.
    assert len(ledger.take([live(5)])[1]) == 1
    assert ledger.summary().lost == 5


def test_numbers_that_were_left_out_are_not_lost(ledger: Ledger, tmp_path: Path) -> None:
    """After a crash: the gap is filled, nothing is missing, nothing is counted as lost, over a restart of the receiver too."""
    body = event(1004, kind="gateway.loss")
    body["data"] |= {"epoch": "e1", "from": "4", "to": "1003", "cause": "left_out"}
    words, _ = ledger.take([batch([1, 2, 3]), Message(f"{BASE}/evt/gateway", json.dumps(body).encode(), False)])
    assert words == [Word(KEY, 1004)]
    assert (ledger.summary().lost, ledger.summary().missing) == (0, 0)
    ledger.close()
    again = Ledger(ledger._path)
    assert (again.summary().lost, again.summary().missing) == (0, 0)
    again.close()


def lost(seq: int, first: int, last: int, cause: str) -> Message:
    """The event with this number names first..last."""
    body = event(seq, kind="gateway.loss")
    body["data"] |= {"epoch": "e1", "from": str(first), "to": str(last), "cause": cause}
    return Message(f"{BASE}/evt/gateway", json.dumps(body).encode(), False)


def test_numbers_below_one_that_came_were_not_left_out(ledger: Ledger) -> None:
    """A gateway set back to 3 leaves out 4..1003; we have 9 of these, so that 4..8 were events once: they are lost. Over a restart too."""
    ledger.take([batch([1, 2, 3]), live(9), lost(1004, 4, 1003, "left_out")])
    assert (ledger.summary().lost, ledger.summary().missing) == (5, 0)
    ledger.close()
    again = Ledger(ledger._path)
    assert (again.summary().lost, again.summary().missing) == (5, 0)
    again.close()


def test_numbers_that_health_told_of_were_not_left_out(ledger: Ledger) -> None:
    """A run ended at 7, as its health said, and 6 and 7 never came. The next run calls 4..1003 left out: 6 and 7 are lost, 8 is not."""
    ledger.take([batch([1, 2, 3, 4, 5]), health(head=7)])
    body = event(1, kind="gateway.loss", epoch="e2")
    body["data"] |= {"epoch": "e1", "from": "4", "to": "1003", "cause": "left_out"}
    ledger.take([health(head=1, epoch="e2"), Message(f"{BASE}/evt/gateway", json.dumps(body).encode(), False)])
    assert (ledger.summary().lost, ledger.summary().missing) == (2, 0)


@pytest.mark.parametrize("cause", ["disk_failed", "left_out"])
def test_what_came_within_a_loss_is_counted_once_over_a_restart(ledger: Ledger, cause: str) -> None:
    """5 came before the loss was told and 6 after it: after a restart of the receiver both are repetitions."""
    ledger.take([batch([1, 2, 3]), live(5), lost(10, 4, 9, cause), live(6)])
    assert ledger.summary().received == 6
    ledger.close()
    again = Ledger(ledger._path)
    words, fresh = again.take([live(5), live(6)])
    assert (words, fresh) == ([Word(KEY, 10)], [])
    assert (again.summary().received, again.summary().duplicates) == (0, 2)
    assert [arrival.seq for arrival in again.take([live(4)])[1]] == [4]
    again.close()


def test_a_known_number_with_another_body_is_counted_and_said(ledger: Ledger) -> None:
    """A gateway that was set back gives numbers twice: what was kept stays, and somebody hears of it."""
    ledger.take([batch([1, 2, 3])])
    other = event(2)
    other["data"] |= {"door": "another"}
    ledger.take([live(3), Message(f"{BASE}/evt/door", json.dumps(other).encode(), False)])
    assert (ledger.summary().duplicates, ledger.summary().conflicts) == (2, 1)
    assert "#2" in ledger.conflict


def test_loss_may_speak_of_an_older_epoch(ledger: Ledger) -> None:
    """The numbers of a database that is gone are told in the next one."""
    ledger.take([batch([1, 2], epoch="old")])
    body = event(1, kind="gateway.loss", epoch="e1")
    body["data"] |= {"epoch": "old", "from": "3", "to": "8", "cause": "rolled_back"}
    words, _ = ledger.take([Message(f"{BASE}/evt/gateway", json.dumps(body).encode(), False)])
    assert Word(Key("anting_01", "gw1", "old"), 8) in words


def test_what_was_pruned_before_we_came_is_no_gap(ledger: Ledger) -> None:
    """A new centre at an old gateway begins at the oldest number that is still held."""
    ledger.take([health(head=1_000, oldest=900), batch(range(900, 1_001))])
    summary = ledger.summary()
    assert (summary.missing, summary.lost) == (0, 899)


def test_gateways_sites_and_epochs_are_kept_apart(ledger: Ledger) -> None:
    """The same number of another gateway, or of another epoch, is another event."""
    ledger.take([live(1), live(1, gateway="gw2"), live(1, epoch="e2")])
    assert (ledger.summary().received, ledger.summary().duplicates, ledger.summary().gateways) == (3, 0, 2)


def test_books_are_the_same_after_a_restart(tmp_path: Path) -> None:
    """Contiguous part, islands and losses come back from disk."""
    first = Ledger(tmp_path / "centre.db")
    first.take([health(head=30, oldest=3), batch([3, 4, 5, 8, 9, 20])])
    before = (first.gaps(), first.summary().lost)
    first.close()
    again = Ledger(tmp_path / "centre.db")
    again.take([health(head=30, oldest=3)])
    assert (again.gaps(), again.summary().lost) == before
    assert again.take([batch([4, 8, 9])])[1] == []
    again.close()


def test_failed_commit_is_as_if_nothing_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses: no word is given, and the events are taken when they come again."""
    ledger = Ledger(tmp_path / "centre.db")
    real = Store.commit

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "commit", refuse)
    with pytest.raises(sqlite3.OperationalError):
        ledger.take([batch([1, 2, 3])])
    monkeypatch.setattr(Store, "commit", real)
    assert ledger.take([batch([1, 2, 3])])[0] == [Word(KEY, 3)]
    assert ledger.summary().received == 3
    ledger.close()


@tuned(max_examples=50, deadline=None)
@given(st.data())
def test_any_order_any_repetition_gives_the_same_books(data: st.DataObject) -> None:
    """Shuffled, repeated and cut into whatever groups: all events once, contiguous to the end."""
    from tempfile import TemporaryDirectory

    count = data.draw(st.integers(1, 40))
    order = data.draw(st.lists(st.integers(1, count), max_size=60)) + data.draw(st.permutations(range(1, count + 1)))
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "centre.db")
        words: list[Word] = []
        while order:
            size = data.draw(st.integers(1, 10))
            piece, order = order[:size], order[size:]
            words = ledger.take([batch(piece[: len(piece) // 2]), *(live(n) for n in piece[len(piece) // 2 :])])[0]
        assert words == [Word(KEY, count)]
        assert ledger.summary().received == count
        ledger.close()
        store = Store(Path(folder) / "centre.db")
        assert [seq for seq, _ in store.events(KEY)] == list(range(1, count + 1))
        store.close()


GARBAGE = [
    b"",
    b"{",
    b"[]]",
    b"[1]",
    b"[{}]",
    b"[" * 100_000,
    b"\xff",
    b"null",
    json.dumps({**event(1), "id": "gw1-e1-2"}).encode(),
    json.dumps({**event(1), "source": "/anyu/anting_01/gw9"}).encode(),
    json.dumps({**event(1), "sequence": "-1", "id": "gw1-e1--1"}).encode(),
    json.dumps({**event(1), "sequence": "0", "id": "gw1-e1-0"}).encode(),
    json.dumps({**event(1), "sequence": "9" * 25, "id": "gw1-e1-" + "9" * 25}).encode(),
    json.dumps({**event(1), "id": "gw1--1"}).encode(),
    json.dumps({**event(1), "data": []}).encode(),
    json.dumps({**event(1), "time": 5}).encode(),
    json.dumps([event(n) for n in range(1, 1_500)]).encode(),
    json.dumps(event(1)).encode() + b" x",
]


@pytest.mark.parametrize("kind", ["evt/door", "evtb", "health"])
@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_is_refused_and_changes_nothing(ledger: Ledger, kind: str, number: int) -> None:
    """Whoever may publish cannot make the books wrong, nor the receiver stop."""
    words, fresh = ledger.take([Message(f"{BASE}/{kind}", GARBAGE[number], False)])
    assert (fresh, [word for word in words if word.seq]) == ([], [])
    assert ledger.summary().received == 0


@given(st.binary(max_size=200), st.sampled_from([f"{BASE}/evt/door", f"{BASE}/evtb", f"{BASE}/health", "anyu/v1/x", "", "a/b/c/d/e/f/g"]))
def test_random_bytes_never_escape(payload: bytes, topic: str) -> None:
    """The only answer to nonsense is Malformed."""
    try:
        take_apart(Message(topic, payload, False))
    except Malformed:
        return


def test_batch_keeps_each_event_as_it_came() -> None:
    """Spaces, order of keys and Chinese stay in the text that is stored."""
    pieces = [json.dumps(event(n, what="门 「北」"), indent=n, ensure_ascii=False) for n in (1, 2)]
    message = Message(f"{BASE}/evtb", f" [ {pieces[0]} ,\n{pieces[1]} ] ".encode(), False)
    arrivals = take_apart(message)
    assert isinstance(arrivals, list)
    assert [arrival.text for arrival in arrivals] == pieces


@pytest.mark.parametrize(
    ("locale", "said"), [("zh", "拒绝 · north_in · 住户 · 刷卡 · 已过期"), ("en", "denied · north_in · resident · card · expired")]
)
def test_line_for_people(locale: str, said: str) -> None:
    """One readable line, without the person's name for machines and without terminal tricks."""
    body = event(
        7, kind="access.denied", access_point="north_in", person_ref="7f3a", person_kind="resident", method=["card"], reason="expired"
    )
    arrival = Arrival(KEY, 7, "", body, live=True)
    assert readable(arrival, locale) == f"2026-03-02T08:00:00.000Z gw1 #7 {said}"
    body["data"]["access_point"] = "\x1b[2Jx"
    assert "\x1b" not in readable(arrival, locale)
