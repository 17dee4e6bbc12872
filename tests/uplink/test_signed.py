"""Acknowledgements prove who said them: on a real broker, with the reference receiver and with whoever else may write there."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.access.events import rfc3339
from edge.cli import app
from edge.clock import PlainClock
from edge.journal import Journal, JournalSettings
from edge.uplink.acks import AckBox, Proof
from edge.uplink.broker import Message, Options
from edge.uplink.client import Client
from edge.uplink.ledger import Ledger
from edge.uplink.messages import Ack
from edge.uplink.patience import RENEWALS_MOST_S, GoingBack, Patience, renewed
from edge.uplink.receive_store import Store
from edge.uplink.signature import NotCanonical, Speaker, canonical, parse, sign, signer, written
from tests.uplink.conftest import SOON_S, Heard, Mosquitto, put, receiver_of, running, settings, until, uplink_of

TOPIC = "anyu/v1/anting_01/gw1/ack/centre"
SPEAKER = Speaker("anting_01", "gw1", "centre")
KEY, NEXT_KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))


def trusting(*keys: Ed25519PrivateKey) -> dict[str, object]:
    """The part of the settings that believes these keys."""
    return {"acks": {"centre": {"keys": [written(key.public_key()) for key in keys]}}}


def word(
    epoch: str, seq: int, key: Ed25519PrivateKey | None = KEY, speaker: Speaker = SPEAKER, *, later_s: float = 0, **more: Any
) -> bytes:
    """An acknowledgement as a centre would sign it."""
    fields = {"epoch": epoch, "seq": seq, "at": rfc3339(datetime.now(UTC) + timedelta(seconds=later_s)), **more}
    return json.dumps(fields if key is None else {**fields, "sig": sign(key, speaker, fields)}).encode()


@asynccontextmanager
async def another(port: int, *hears: str) -> AsyncIterator[tuple[Client, Heard]]:
    """Somebody else at the broker, who may write everywhere."""
    heard = Heard()
    client = Client(Options(host="127.0.0.1", port=port, client_id="another"), heard)
    await client.connect()
    if hears:
        await client.subscribe(hears)
    yield client, heard
    await client.close()


@contextmanager
def journal_in(folder: Path) -> Iterator[Journal]:
    """A journal on disk that may be opened again."""
    folder.mkdir(exist_ok=True)
    made = Journal(folder, JournalSettings(ballast_mb=0), PlainClock())
    made.open()
    yield made
    made.close()


# --- the bytes -----------------------------------------------------------------------------------------------------------------------


def test_the_bytes_that_are_signed_are_those_of_the_documents() -> None:
    """The example of edge/uplink/signature.py, byte by byte, and its signature by the library alone."""
    fields = {"seq": 7, "epoch": "5f1c", "credit": 20, "at": "2026-11-26T08:00:00.000Z", "sig": "of no account"}
    bytes_ = b'{"at":"2026-11-26T08:00:00.000Z","consumer":"centre","credit":20,"epoch":"5f1c","gateway":"gw1","seq":7,"site":"anting_01"}'
    assert SPEAKER.signed(fields) == bytes_
    KEY.public_key().verify(base64.b64decode(sign(KEY, SPEAKER, fields)), bytes_)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\u00e9\ud7ff", max_size=3), inner, max_size=3),
                    max_leaves=8))  # fmt: skip
def test_canonical_json_is_one_text_for_one_value(value: object) -> None:
    """It reads back as the same value, and writing that again gives the same bytes: sorted keys, no spaces, UTF-8."""
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert text == json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_keys_are_sorted_by_utf_16() -> None:
    """RFC 8785 section 3.2.3: a character beyond the basic plane comes before U+FB33."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "1": 3}) == '{"1":3,"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("text", [b'{"seq":1,"seq":2}', b'{"seq":1.5}', b'{"seq":9007199254740993}', b'{"a":"\\ud800"}', b"[1]", b"["])
def test_what_cannot_be_written_in_one_way_is_not_signed(text: bytes) -> None:
    """A key twice, a fraction, a number beyond 2^53, half a character, and what is no object."""
    with pytest.raises(NotCanonical):
        sign(KEY, SPEAKER, parse(text))


def test_the_command_makes_keys_and_signs(tmp_path: Path) -> None:
    """keygen: 0600, never over another file, its line is what site.yaml takes. sign: what the gateway believes."""
    run, file = CliRunner(), tmp_path / "ack.pem"
    made = run.invoke(app, ["centre", "keygen", str(file)])
    assert made.exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    kept = file.read_bytes()
    assert run.invoke(app, ["centre", "keygen", str(file)]).exit_code == 2
    assert file.read_bytes() == kept
    public = made.stdout.split('"')[1]
    given_ = settings(1, acks={"centre": {"keys": [public]}})
    assert given_.unsigned == ()
    document = json.dumps({"epoch": "5f1c", "seq": 7, "at": "2026-11-26T08:00:00.000Z"})
    arguments = ["centre", "sign", "--key", str(file), "--site", "anting_01", "--gateway", "gw1"]
    signed = run.invoke(app, arguments, input=document).stdout
    (key,) = given_.acks["centre"].keys
    assert written(signer_of(signed, key)) == public
    assert run.invoke(app, arguments, input=document.replace("7", "7.5")).exit_code == 2


def signer_of(signed: str, public: str) -> Any:
    """Which key signed this text."""
    from edge.uplink.signature import public_key

    return signer([public_key(public)], SPEAKER, parse(signed.encode()))


# --- who is believed -----------------------------------------------------------------------------------------------------------------


FORGED: dict[str, Callable[[str], bytes]] = {
    "unsigned": lambda epoch: word(epoch, 20, None),
    "a stranger's key": lambda epoch: word(epoch, 20, STRANGER),
    "another gateway's": lambda epoch: word(epoch, 20, speaker=Speaker("anting_01", "gw2", "centre")),
    "another site's": lambda epoch: word(epoch, 20, speaker=Speaker("anting_02", "gw1", "centre")),
    "another consumer's": lambda epoch: word(epoch, 20, speaker=Speaker("anting_01", "gw1", "auditor")),
    "changed": lambda epoch: word(epoch, 12).replace(b'"seq": 12', b'"seq": 20'),
    "a field more": lambda epoch: word(epoch, 20).replace(b"{", b'{"credit": 0, ', 1),
    "a key twice": lambda epoch: word(epoch, 12).replace(b"{", b'{"seq": 20, ', 1),
    "ahead": lambda epoch: word(epoch, 10**9, STRANGER),
    "without a time": lambda epoch: word(epoch, 20, at=None),
    "nothing but null": lambda epoch: word(epoch, 20, at=None, credit=None, centre_id=None).replace(b'"sig": "', b'"sig": null, "was": "'),
}


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_who_has_no_key_is_not_believed(mosquitto: Mosquitto, journal: Journal, forge: Callable[[str], bytes]) -> None:
    """Ignored and named in `degraded`; the next true one counts and ends the complaint."""
    put(journal, 20)
    uplink = uplink_of(journal, settings(mosquitto.port, **trusting(KEY)))
    async with running(uplink.run), another(mosquitto.port) as (client, _):
        await until(lambda: uplink.view().connected)
        epoch = journal.epoch
        await client.publish(TOPIC, forge(epoch))
        await until(lambda: "uplink.unproven.centre" in uplink.complaints())
        assert (journal.acked(), journal.epoch) == ({"centre": 0}, epoch)
        await client.publish(TOPIC, word(epoch, 11))
        await until(lambda: journal.acked() == {"centre": 11})
        await until(lambda: "uplink.unproven.centre" not in uplink.complaints())


def test_a_flood_of_forged_words_hides_no_true_one() -> None:
    """What is not believed is not held: one true word among a thousand of a stranger is taken, and each is counted."""
    box = AckBox({"centre": TOPIC}, lambda: None, {"centre": Proof(SPEAKER, [KEY.public_key()], lambda: None)})
    forged = Message(TOPIC, word("e", 9, STRANGER, later_s=10**6), False)
    for n in range(1_000):
        box.put(Message(TOPIC, word("e", 7), False) if n == 500 else forged)
    came = box.take()
    assert [(consumer, ack.seq) for consumer, ack in came.good] == [("centre", 7)]
    assert (box.unproven, list(came.unproven)) == (999, ["centre"])


@pytest.mark.peer("mosquitto")
async def test_a_captured_word_is_not_believed_again_nor_after_a_restart(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """`at` must rise, and what it must exceed is on disk."""
    for round_ in (1, 2):
        with journal_in(tmp_path / "kept") as journal:
            uplink = uplink_of(journal, settings(mosquitto.port, **trusting(KEY)))
            async with running(uplink.run), another(mosquitto.port) as (client, _):
                await until(lambda uplink=uplink: uplink.view().connected)  # type: ignore[misc]
                if round_ == 1:
                    put(journal, 20)
                    captured = word(journal.epoch, 5)
                    await client.publish(TOPIC, captured)
                    await client.publish(TOPIC, word(journal.epoch, 15, later_s=1))
                    await until(lambda journal=journal: journal.acked() == {"centre": 15})  # type: ignore[misc]
                await client.publish(TOPIC, captured)
                await until(lambda uplink=uplink: "uplink.unproven.centre" in uplink.complaints())  # type: ignore[misc]
                assert journal.acked() == {"centre": 15}


def test_a_new_key_begins_its_time_anew() -> None:
    """A centre whose clock once ran years ahead is cured by a new key; an overlapping one does not loosen what was accepted."""
    ack = word("e", 1, KEY, later_s=10**8)
    first = Proof(SPEAKER, [KEY.public_key(), NEXT_KEY.public_key()], lambda: None)
    assert first.why_not(ack, Ack.model_validate_json(ack)) == ""
    now = word("e", 1, NEXT_KEY)
    assert "after that" in first.why_not(now, Ack.model_validate_json(now))
    cured = Proof(SPEAKER, [NEXT_KEY.public_key()], lambda: first.memory)
    assert cured.why_not(now, Ack.model_validate_json(now)) == ""


@pytest.mark.peer("mosquitto")
async def test_two_keys_overlap(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """The centre changes its key while the gateway knows both: nobody notices."""
    uplink = uplink_of(journal, settings(mosquitto.port, **trusting(KEY, NEXT_KEY)))
    async with running(uplink.run):
        for total, key in ((10, KEY), (20, NEXT_KEY)):
            put(journal, 10)
            async with running(receiver_of(mosquitto.port, tmp_path / "centre.db", key=key).run):
                await until(lambda total=total: journal.acked() == {"centre": total})  # type: ignore[misc]
        assert uplink.complaints() == ()


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("key", [None, STRANGER], ids=["unsigned", "lost"])
async def test_a_lost_key_costs_deletion_only(mosquitto: Mosquitto, tmp_path: Path, key: Ed25519PrivateKey | None) -> None:
    """A centre that once was believed and is no more still gets everything, also what waited over a restart; nothing becomes deletable."""
    path = tmp_path / "centre.db"
    with journal_in(tmp_path / "kept") as journal:
        put(journal, 10)
        first = receiver_of(mosquitto.port, path, key=KEY)
        async with running(uplink_of(journal, settings(mosquitto.port, **trusting(KEY))).run, first.run):
            await until(lambda: journal.acked() == {"centre": 10})
        put(journal, 500)
    with journal_in(tmp_path / "kept") as journal:
        again = receiver_of(mosquitto.port, path, key=key)
        uplink = uplink_of(journal, settings(mosquitto.port, backlog_per_s=2_000, **trusting(KEY)))
        async with running(uplink.run, again.run):
            await until(lambda: again.summary().received == 500)
            assert again.summary().missing == 0
            assert journal.acked() == {"centre": 10}
            assert "uplink.unproven.centre" in uplink.complaints()


@pytest.mark.peer("mosquitto")
async def test_a_signing_receiver_and_a_gateway_without_its_key(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """It works as before, and health says that nobody proves it."""
    put(journal, 10)
    uplink = uplink_of(journal, settings(mosquitto.port))
    async with (
        running(uplink.run, receiver_of(mosquitto.port, tmp_path / "centre.db", key=KEY).run),
        another(mosquitto.port, "anyu/v1/+/+/health") as (_, heard),
    ):
        assert json.loads((await heard.next()).payload)["degraded"] == ["uplink.unsigned.centre"]
        await until(lambda: journal.acked() == {"centre": 10})


# --- rolled back, restored, older epochs ---------------------------------------------------------------------------------------------


@pytest.mark.peer("mosquitto")
async def test_two_forged_messages_lose_nothing(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """Unsigned: everything committed, then ahead of us, again and again; the true centre then gets every event and hears of no loss."""
    put(journal, 25)
    first = journal.epoch
    uplink = uplink_of(journal, settings(mosquitto.port))
    async with running(uplink.run), another(mosquitto.port) as (client, _):
        await until(lambda: uplink.view().connected)
        await client.publish(TOPIC, word(first, 25, None))
        await until(lambda: journal.acked() == {"centre": 25})
        await client.publish(TOPIC, word(first, 2**62, None))
        await until(lambda: journal.epoch != first and journal.head() == 25)
        second = journal.epoch
        await client.publish(TOPIC, word(second, 2**62, None))
        await client.publish(TOPIC, word(second, 0, None, credit=0))
        await client.publish(TOPIC, b'{"epoch": "x", "seq": "rubbish"}', retain=True)
        await until(lambda: "uplink.bad_ack.centre" in uplink.complaints())
        assert journal.epoch == second
        receiver = receiver_of(mosquitto.port, tmp_path / "centre.db")
        async with running(receiver.run):
            await until(lambda: journal.acked() == {"centre": 25})
            await until(lambda: receiver.summary().missing == 0)
        assert receiver.summary().lost == 0
    store = Store(tmp_path / "centre.db")
    bodies = [json.loads(body) for key in store.runs for _, body in store.events(key)]
    store.close()
    assert {body["data"]["passage_id"] for body in bodies} == {f"p{number:06d}" for number in range(25)}


@pytest.mark.peer("mosquitto")
async def test_a_proven_number_beyond_ours_is_a_rollback_however_far(mosquitto: Mosquitto, journal: Journal) -> None:
    """The loss is told with its numbers, and everything held goes over, not what lies behind an acknowledgement."""
    put(journal, 25)
    first = journal.epoch
    uplink = uplink_of(journal, settings(mosquitto.port, **trusting(KEY)))
    async with running(uplink.run), another(mosquitto.port) as (client, _):
        await until(lambda: uplink.view().connected)
        await client.publish(TOPIC, word(first, 20))
        await until(lambda: journal.acked() == {"centre": 20})
        await client.publish(TOPIC, word(first, 10**9, later_s=1))
        await until(lambda: journal.epoch != first and journal.head() == 26)
        assert "uplink.ahead.centre" in uplink.complaints()
        loss = json.loads(journal.page(0, 1)[0].data)
        assert (loss["epoch"], loss["from"], loss["to"], loss["cause"]) == (first, "26", str(10**9), "rolled_back")


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("key", [None, KEY], ids=["unsigned", "signed"])
async def test_the_centre_gets_the_rest_of_an_epoch_that_is_over(
    mosquitto: Mosquitto, journal: Journal, tmp_path: Path, key: Ed25519PrivateKey | None
) -> None:
    """It has half of an epoch when a new one begins: it asks, and gets the other half under the numbers that it always had."""
    path = tmp_path / "centre.db"
    put(journal, 40)
    first = journal.epoch
    with_half = receiver_of(mosquitto.port, path, key=key)
    given_ = settings(mosquitto.port, **(trusting(KEY) if key else {}))
    async with running(uplink_of(journal, given_).run, with_half.run):
        await until(lambda: journal.acked() == {"centre": 40})
    put(journal, 30)
    journal.new_epoch("rolled_back")
    await until(lambda: journal.epoch != first and journal.head() == 70)
    receiver = receiver_of(mosquitto.port, path, key=key)
    async with running(uplink_of(journal, given_).run, receiver.run):
        await until(lambda: journal.acked() == {"centre": 70})
        await until(lambda: receiver.summary().received == 70 + 30)
        assert receiver.summary().missing == 0
    ledger = Ledger(path)
    assert ledger.gaps() == {}
    ledger.close()


@pytest.mark.peer("mosquitto")
async def test_a_centre_with_a_new_database_is_replayed(mosquitto: Mosquitto, journal: Journal, tmp_path: Path) -> None:
    """Another centre_id: its number is taken, and it gets the rest, though the old one had everything."""
    put(journal, 20)
    uplink = uplink_of(journal, settings(mosquitto.port, **trusting(KEY)))
    async with running(uplink.run):
        async with running(receiver_of(mosquitto.port, tmp_path / "old.db", key=KEY).run):
            await until(lambda: journal.acked() == {"centre": 20})
        async with another(mosquitto.port, "anyu/v1/+/+/evtb") as (client, heard):
            await client.publish(TOPIC, word(journal.epoch, 18, later_s=1, centre_id="another"))
            batch = json.loads((await heard.next()).payload)
            assert [event["sequence"] for event in batch] == ["19", "20"]
            assert journal.recall("uplink.centre_id.centre") == "another"


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("older", [False, True], ids=["this epoch", "an epoch that is over"])
async def test_going_back_for_ever_is_bounded(mosquitto: Mosquitto, journal: Journal, older: bool) -> None:
    """A hundred forged zeros in turn with true numbers: few of them are obeyed, and the others cost nothing."""
    put(journal, 50)
    first = journal.epoch
    if older:
        journal.new_epoch("rolled_back")
        await until(lambda: journal.epoch != first and journal.head() == 50)
    uplink = uplink_of(journal, settings(mosquitto.port, backlog_per_s=10_000))
    async with another(mosquitto.port, "anyu/v1/+/+/evtb") as (client, heard), running(uplink.run):
        await until(lambda: uplink.view().connected)
        for _ in range(100):
            await client.publish(TOPIC, word(journal.epoch, 50, None))
            await client.publish(TOPIC, word(first, 0, None))
            await asyncio.sleep(0.01)
        await client.publish("anyu/v1/anting_01/gw1/evtb", b"the end")
        sent = 0
        while (message := await heard.next()).payload != b"the end":
            sent += len(json.loads(message.payload))
        # once when it connected; a hundred rounds take longer than 3 s on no machine that is not at a standstill
        assert sent <= 4 * 50


@pytest.mark.peer("mosquitto")
async def test_a_receiver_without_its_key_is_told_so(
    mosquitto: Mosquitto, journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It speaks, so the gateway does not say that it has never acknowledged; `health` says what is wrong, and the receiver says it once."""
    put(journal, 20)
    uplink = uplink_of(journal, settings(mosquitto.port, **trusting(KEY)), stall_s=SOON_S)
    receiver = receiver_of(mosquitto.port, tmp_path / "centre.db")
    async with running(uplink.run, receiver.run):
        await until(lambda: uplink.complaints() == ("uplink.unproven.centre",))
        await until(lambda: "does not believe our acknowledgements" in caplog.text)
        await until(lambda: receiver.summary().duplicates >= 20)  # it was sent everything again: the gateway has waited and blamed
        assert uplink.complaints() == ("uplink.unproven.centre",)
    assert "never acknowledged" not in caplog.text
    assert caplog.text.count("does not believe our acknowledgements") == 1


def test_names_made_up_do_not_keep_the_true_centre_waiting() -> None:
    """A forger with one name, or with a new one each time, for three hours: the true centre's word is obeyed each time it is due."""
    for names in (["forged"], [f"forged{number}" for number in range(10_000)]):
        going, known_as, flips = GoingBack(Patience(3.0, 600.0)), "true", 0
        for now in range(10_000):
            if going.allows("centre", names[now % len(names)], known_as, float(now)):
                known_as, flips = names[now % len(names)], flips + 1
                assert going.allows("centre", "true", known_as, now + 0.5)
                known_as = "true"
        assert flips < 50


def test_patience_doubles_and_ends() -> None:
    """At once, then after 3, 6, 12 … 600 s; whoever kept quiet for long begins anew."""
    patience = Patience(3.0, 600.0)
    allowed = [now for now in range(10_000) if patience.allows("centre", float(now))]
    assert allowed[:5] == [0, 3, 9, 21, 45]
    assert {b - a for a, b in itertools.pairwise(allowed[10:])} == {600}
    assert patience.allows("auditor", 10_000.0)
    assert patience.allows("centre", 20_000.0)
    assert not patience.allows("centre", 20_002.0)


def test_new_epochs_come_more_and_more_rarely() -> None:
    """A forger who asks every minute for a year is obeyed some sixty times, over restarts too, and never twice in an hour."""
    now, kept, times = datetime(2026, 11, 26, tzinfo=UTC), None, []
    for minute in range(366 * 1440):
        at = now + timedelta(minutes=minute)
        if (memory := renewed(kept, at, 3_600.0)) is not None:
            kept = memory
            times.append(at)
    assert len(times) <= 9 + 366 * 86_400 / RENEWALS_MOST_S
    assert min(b - a for a, b in itertools.pairwise(times)) >= timedelta(hours=1)
    assert renewed("rubbish", now, 3_600.0) is not None
