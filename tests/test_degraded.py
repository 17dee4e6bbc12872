"""Every word that `degraded` can hold has its sentence: the list is held against the code that says them."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from drivers.door.simulated import Controller as Simulated
from drivers.readings import Contact
from edge.access.rules import Mode
from edge.cli.words import WORDS
from edge.degraded import SENTENCES, pattern, sentence
from edge.gate.view import ContactState, DoorState, LockState
from edge.journal.faults import Fault
from edge.uplink.messages import DoorHealth
from edge.vision.confine import Missing
from tests.premises import Premises, running, until

ROOT = Path(__file__).parent.parent
FAMILIES = {each.split(".")[0] for each in SENTENCES if "." in each}
_LITERAL = re.compile(rf"({'|'.join(FAMILIES)})(\.[a-z_]*[a-z]|\.\*|\.[a-z_]+_\*)+")

NO_WORDS = {
    "config.version",
    "device.*",  # the prefix of a memory is written like the word of a device that is lost
    "journal.db",
    "journal.stood",
    "roster.applied",
    "roster.refused",
    "roster.csv",
    "roster.report",
    "uplink.ack_at.*",
    "uplink.centre_id.*",
    "uplink.conn_seq",
    "uplink.new_epoch",
    "uplink.set_aside",
}
"""What has the form of a word and is none: keys of the journal's memory, files, events. A new literal of that form has its place here,
or its sentence."""


def literals(text: str) -> Iterator[str]:
    """The texts of a module that have the form of a word, `*` for what is filled in."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = [node.value]
        else:
            continue
        if _LITERAL.fullmatch(found := "".join(parts)):
            yield found


def said_in(path: str, pattern: str) -> set[str]:
    """The words that a module fills in, by the form of the statement that does."""
    return set(re.findall(pattern, (ROOT / path).read_text(encoding="utf-8")))


def filled() -> dict[str, set[str]]:
    """What the code puts in the place of the `*` where that is no name."""
    lacks = said_in("edge/vision/confinement.py", r'lacks\.append\("(\w+)"\)')
    return {
        "journal.*": {fault.value for fault in Fault} | said_in("edge/journal/health.py", r'why\.append\("(\w+)"\)'),
        "roster.*": said_in("edge/condition.py", r'roster\.state in \{"(\w+)"')
        | said_in("edge/condition.py", r'roster\.state in \{"\w+", "(\w+)"'),
        "recognition.*": said_in("edge/recognition.py", r'trouble = (?:trouble or )?"(\w+)"')
        | said_in("edge/roster/faces/desk.py", r'"(photos_\w+)": self'),
        "vision.no_*": {*get_args(Missing), *lacks} - {"may_gain_privileges", "privileged_group"},
    }


def every_word() -> set[str]:
    """Every word that the code can say; a name in it is `*`."""
    skipped = ("edge/demo", "edge/degraded.py", "edge/uplink/words.py", "edge/settings/words.py", "edge/cli")
    found = set()
    for module in (ROOT / "edge").rglob("*.py"):
        if not str(module.relative_to(ROOT)).startswith(skipped):
            found |= set(literals(module.read_text(encoding="utf-8")))
    found |= set(literals((ROOT / "edge/cli/everyone.py").read_text(encoding="utf-8")))
    spelt = {f"{each[:-1]}{word}" for each, words in filled().items() for word in words}
    return (found - NO_WORDS - filled().keys()) | spelt | {"device.*", "fire_line"}


def test_every_word_has_a_sentence_and_every_sentence_a_word() -> None:
    """Nothing is said without a meaning, and nothing is explained that is never said."""
    assert all(filled().values())
    assert every_word() == SENTENCES.keys()


def test_a_name_stands_in_its_sentence() -> None:
    """In both languages; also of a name with dots, and of a word that another begins like."""
    assert sentence("unit.gate.north", "en").startswith("the gateway's part gate.north failed")
    assert "“panel”" in sentence("device.panel", "zh")
    assert (pattern("uplink.refused"), pattern("uplink.refused.live")) == ("uplink.refused", "uplink.refused.*")
    assert sentence("of.a_later_version", "zh").startswith("本版本")


@pytest.mark.parametrize("word", sorted(SENTENCES))
def test_a_sentence_says_what_it_is_and_what_to_do(word: str) -> None:
    """A meaning and an advice, with a name where the word has one, in Chinese and in English."""
    for text in SENTENCES[word]:
        assert ("{name}" in text) is word.endswith("*")
        assert re.search(r"[:：；;，,]", text)
    assert re.search("[一-鿿]", SENTENCES[word][0])
    assert not re.search("[一-鿿]", SENTENCES[word][1])


@pytest.mark.parametrize("word", ["clock.untrusted", "clock.leapt"])
def test_a_clock_that_is_not_believed_says_which_doors_stay_shut(word: str) -> None:
    """No door is opened by the hour then: who stands there without a card must learn why, in status and in the runbook."""
    row = next(line for line in (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{word}`"))
    assert all("open_schedule" in text for text in (*SENTENCES[word], row))


@pytest.mark.parametrize("word", sorted(SENTENCES))
def test_the_runbook_knows_every_word(word: str) -> None:
    """Its table has a row for each."""
    book = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    tail = word.removeprefix("vision.no_landlock")
    assert f"`{word.removesuffix('.*')}" in book or (tail != word and f"`{tail}`" in book)


async def test_status_says_it_in_the_sites_language(tmp_path: Path) -> None:
    """How the doors stand, and each word with its sentence; a fire line that is cut among them, which is an alarm and no device's."""
    house = Premises(tmp_path)
    house.write_roster("tenant_id,name\n1,\n")
    house.environ["ANYU_LOCALE"] = "zh"
    async with running(house.settings()) as daemon:
        board = daemon.controllers["sim2"]
        assert isinstance(board, Simulated)
        board.set_input(4, Contact.CUT)
        await until(lambda: {"fire_line", "roster.none"} <= {*daemon.health().degraded})
        told = (await asyncio.to_thread(house.command, "status")).stdout
        await until(lambda: any(json.loads(record.data).get("what") == "fire_line" for record in daemon.journal.latest(100)))
        (cut,) = (record.seq for record in daemon.journal.latest(100) if json.loads(record.data).get("what") == "fire_line")
        why = (await asyncio.to_thread(house.command, "why", str(cut))).stdout
    assert sentence("fire_line", "zh") in why.splitlines()
    assert f"降级：fire_line：{sentence('fire_line', 'zh')}" in told
    assert f"降级：roster.none：{sentence('roster.none', 'zh')}" in told
    assert told.splitlines()[0].split() == ["门", "状态", "门磁", "锁", "方式", "线路"]
    assert told.splitlines()[1].split() == ["north", "锁闭", "关", "锁闭", "正常", "通"]


def test_every_state_of_a_door_has_a_word() -> None:
    """For the table of `status`, whose columns are those of health."""
    line = get_args(DoorHealth.model_fields["line"].annotation)
    values = {
        "state": get_args(DoorState),
        "contact": get_args(ContactState),
        "lock": get_args(LockState),
        "mode": tuple(Mode),
        "line": line,
    }
    assert all(values.values())
    assert {f"{column}_{value}" for column, each in values.items() for value in each} <= WORDS.keys()
