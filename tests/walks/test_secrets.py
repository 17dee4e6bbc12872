"""What must never leave the gate: card numbers, PINs, permits, telephones, names, passwords."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import KEYPAD, Gatehouse
from tests.walks.harness import FACILITY, Centre, Ear, Machine, Person, leaf_site, save_roster, until

pytestmark = pytest.mark.peer("mosquitto")

NAME, SECOND_NAME = "金丝雀·凯瑟琳", "Zxqcanary Quill"
PIN, DURESS, WRONG_PIN = "83920164", "83920175", "74610932"
PERMIT, PHONE = "SHPERMIT77310465", "13917740286"
PASSWORD = "p@ss:w/rd-7Qz!kanari"
CANARY = Person("A5001", 51_837, {"name": NAME, "pin": PIN, "duress_pin": DURESS, "permit_no": PERMIT, "phone": PHONE})
SECOND = Person("A5002", 51_838, {"name": SECOND_NAME})
STRANGER = Person("", 51_839)
TWIN = Person("A5003", CANARY.card, {"name": NAME, "pin": PIN, "permit_no": PERMIT, "phone": PHONE})


def spellings(text: str) -> set[bytes]:
    """A secret as any of our files and messages might spell it."""
    return {text.encode(), text.encode("gb18030"), text.encode("unicode_escape"), text.encode("utf-16-le")}


def numbers(person: Person) -> set[bytes]:
    """A card's number in every notation that people and boxes write: flat, with facility, decimal, hexadecimal."""
    value = person.value
    texts = (str(value), f"{value:010d}", f"{value:X}", f"{value:x}", f"{FACILITY},{person.card}", f"{FACILITY:03d}{person.card:05d}")
    return {text.encode() for text in texts}


SECRETS = {
    "a name": spellings(NAME) | spellings(SECOND_NAME) | spellings(NAME.split("·")[1]),
    "a PIN": {secret.encode() for secret in (PIN, DURESS, WRONG_PIN)},
    "a permit": spellings(PERMIT),
    "a telephone": {PHONE.encode()},
    "a card": numbers(CANARY) | numbers(SECOND) | numbers(STRANGER),
    "the password": spellings(PASSWORD) | {PASSWORD.replace("@", "%40").replace(":", "%3A").replace("/", "%2F").encode()},
}


def no_secret_in(where: str, data: bytes) -> None:
    """Look for every secret in every spelling; the assertion does not repeat it."""
    found = {what for what, texts in SECRETS.items() if any(text in data for text in texts)}
    assert not found, f"{where} holds {', '.join(sorted(found))}"


def let_in(accounts: Path) -> None:
    """Give the gateway its account at the broker."""
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(accounts), "gw1", PASSWORD], check=True, capture_output=True)


async def test_no_secret_in_message_log_journal_or_answer(tmp_path: Path, broker: Mosquitto) -> None:
    """Secrets are used, mistyped, refused and broken on every way there is: none is in any byte that leaves or is kept as an event."""
    broker.kill()
    accounts = tmp_path / "accounts"
    let_in(accounts)
    broker.lines = (f"password_file {accounts}",)
    broker.start()

    async with Gatehouse(tmp_path, entry=KEYPAD).plugged_in() as house:
        uplink = {"broker": f"mqtt://127.0.0.1:{broker.port}", "disclose": "reference", "reconnect_max_s": 1, "username": "gw1"}
        site = leaf_site(tmp_path, broker.port, house, CANARY, SECOND, door={"release_s": 1}, uplink=uplink, log_level="debug", locale="zh")
        centre = Centre(broker.port, tmp_path / "centre.db", username="gw1", password=PASSWORD)
        machine = Machine(site, environ={"ANYU_UPLINK__PASSWORD": PASSWORD})
        async with centre.receiving(), Ear().listening(broker.port, username="gw1", password=PASSWORD) as ear, machine.running():
            await machine.in_force()

            # By card, by PIN, by nobody's card and by nobody's PIN.
            house.swipe(CANARY.value)
            await centre.hears("access.granted", method=["card"])
            await centre.hears("access.not_taken", 1)
            house.type_pin(PIN)
            await centre.hears("access.granted", method=["pin"])
            await centre.hears("access.not_taken", 2)
            house.type_pin(DURESS)
            await centre.hears("access.duress")
            house.swipe(STRANGER.value)
            await centre.hears("access.denied", reason="unknown_credential", method=["card"])
            house.type_pin(WRONG_PIN)
            await centre.hears("access.denied", reason="unknown_credential", method=["pin"])
            house.swipe(SECOND.value, inward=False)
            await centre.hears("access.granted", direction="out")

            # This looks hard enough: in the sheet itself each of them is found.
            with pytest.raises(AssertionError, match="a PIN, a card, a name, a permit, a telephone"):
                no_secret_in("the sheet", (site.roster / "roster.csv").read_bytes())

            # The manager breaks the sheet in the rows that hold the secrets.
            save_roster(site.roster, [CANARY, SECOND, TWIN])
            await centre.hears("roster.refused")
            (site.roster / "roster.csv").write_bytes(NAME.encode() + b"," + PERMIT.encode() + b"\n\xff\xfe" + PHONE.encode())
            await centre.hears("roster.refused", 2)

            # The broker loses the account for a while: the gateway is refused with its password in hand.
            accounts.write_text("")
            broker.kill()
            broker.start()
            await until(lambda: b"refuse" in machine.log.read_bytes())
            let_in(accounts)
            broker.kill()
            broker.start()

            # What people ask of the gateway.
            denied = centre.events("access.denied")[0]
            asked = (("events", "--last", "100"), ("events", "--json"), ("why", str(denied["id"])), ("status",), ("status", "--json"))
            said = [await machine.say(*words) for words in asked]
            for file in sorted(site.journal.iterdir()):
                no_secret_in(f"the running journal's {file.name}", file.read_bytes())
            # Its last run, under a password that is wrong.
            assert await machine.stop() == 0
        wrong = Machine(site, environ={"ANYU_UPLINK__PASSWORD": PASSWORD + "x"})
        async with wrong.running():
            await until(lambda: wrong.log.read_bytes().count(b"refuse") >= 2)
            assert await wrong.stop() == 0

    assert len(ear.heard) > 10
    for message in ear.heard:
        no_secret_in(f"a message on {message.topic}", message.topic.encode() + message.payload)
    no_secret_in("what was received", b"".join(arrival.text.encode() for arrival in centre.arrivals))
    no_secret_in("the log", machine.log.read_bytes())
    no_secret_in("what commands print", "".join(said).encode())
    for file in sorted(site.journal.iterdir()):
        no_secret_in(f"the journal's {file.name}", file.read_bytes())
    assert "未知" in "".join(said) or "陌生" in "".join(said)  # it did say why, in words
