"""What the command prints holds nothing that a terminal would obey, whatever a sheet, a photo's name or an argument says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from typer.testing import CliRunner

from edge.cli import app, talk
from edge.printable import printable

HOSTILE = "x\x1b]0;owned\x07\x1b[2K\u202e\x9b2J\x7f\u2028y"
SITE = """
site: {name: anting_01}
controllers: {sim: {driver: simulated, doors: 1, inputs: 8}}
doors: {north: {lock: {controller: sim, output: 1, type: fail_secure, wiring: no}, exit_button: {controller: sim, input: 2}}}
access_points: {north_in: {door: north, direction: in, reader: {controller: sim, reader: 1}}}
access_rules: [{groups: [residents], access_points: [north_in]}]
"""


@given(st.text(st.characters()))
def test_nothing_unseen_is_left(text: str) -> None:
    """One line without controls, formats, surrogates and separators; what is seen stays as it is."""
    left = printable(text)
    assert printable(left) == left
    assert not set(left) & {"\n", "\t", "\r", "\x1b", "\x07", "\x7f", "\x9b", "\u202e", "\u2028", "\ud800"}
    left.encode()
    assert [one for one in left if one != " "] == [one for one in text if one in left and one != " "]


@pytest.mark.parametrize("text", ["张三", "𠮷野家", "e\u0301", "全角\u3000空格", "葛\U000e0100", "🙂", "\U00031350"])
def test_names_survive(text: str) -> None:
    """Wide, rare, combining and variant characters are somebody's name."""
    assert printable(text) == text


def test_every_way_of_talking(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines, complaints, tables of both kinds and JSON; a program still reads from JSON what was there."""
    talk.line(HOSTILE)
    talk.complain(HOSTILE)
    talk.table([HOSTILE], [[HOSTILE + "张"]])
    talk.show(Text(HOSTILE))
    talk.data({"name": HOSTILE + "张"})
    told = capsys.readouterr()
    assert all(line.isprintable() for line in (told.out + told.err).split("\n"))
    assert json.loads(told.out.splitlines()[-1]) == {"name": HOSTILE + "张"}


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_hostile_sheet_through_the_command(tmp_path: Path, locale: str) -> None:
    """A misspelt heading full of escapes is named without them."""
    folder = tmp_path / "roster"
    folder.mkdir()
    heading = "姓名\x1b[31m\u202e\x9b2J名"
    (folder / "roster.csv").write_text(f"编号,{heading},卡号\nA1,张三,205-42220\n", encoding="utf-8")
    site = tmp_path / "site.yaml"
    more = f"locale: {locale}\nstate_dir: {tmp_path}/state\nroster: {{folder: {folder}}}\n"
    site.write_text(SITE + more, encoding="utf-8")
    told = CliRunner().invoke(app, ["roster", "check", "--config", str(site)])
    assert "roster.csv" in told.output
    assert all(line.isprintable() for line in told.output.split("\n"))
