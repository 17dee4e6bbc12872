"""Card numbers: three notations of one card, none of them guessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.wiegand import FORMATS
from edge.access.terms import Card, code_card
from edge.roster import cards
from edge.roster.cells import Wrong
from edge.roster.drafts import Sheets
from edge.roster.settings import RosterSettings
from tests.roster.conftest import codes, remarks


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("cards", "fc:205,42220"),
        ("cards", "dec:0013477100"),
        ("cards", "hex:00CDA4EC"),
        ("cards", "ＨＥＸ：００ｃｄａ４ｅｃ"),
        ("cards", "十进制:13477100"),
        ("cards[dec]", "0013477100"),
        ("cards [hex]", "00CDA4EC"),
        ("cards(fc)", "205,42220"),
        ("卡号[十进制]", "0013477100"),
        ("卡号（十六进制）", "CDA4EC"),
        ("门禁卡号【区码+卡号】", "205,42220"),
        ("cards[dec h10301]", "0013477100"),
        ("cards[hex]", "dec:0013477100"),
    ],
)
def test_every_notation_gives_the_same_card(csv_roster: Callable[..., Sheets], heading: str, cell: str) -> None:
    """Facility code and number, decimal and hexadecimal of one printed card are one (bits, value)."""
    sheets = csv_roster(f"编号,姓名,{heading}", f'1,甲,"{cell}"')
    assert not sheets.faults
    assert sheets.tenants[0].cards == (Card(26, 13477100),)


@pytest.mark.parametrize("cell", ["无", " 暂无 ", "未 办 卡", "/", "—", "－", "None", "N/A"])
@pytest.mark.parametrize("heading", ["卡号[十进制]", "卡号[hex]", "卡号", "密码", "胁迫密码"])
def test_a_word_for_nothing_is_no_card_and_no_pin(csv_roster: Callable[..., Sheets], heading: str, cell: str) -> None:
    """As an empty cell; nobody is kept out of the sheet for a stroke."""
    sheets = csv_roster(f"编号,姓名,{heading}", f"1,甲,{cell}")
    assert (codes(sheets), remarks(sheets)) == ([], ["no_credential"])
    assert (sheets.tenants[0].cards, sheets.tenants[0].pin, sheets.tenants[0].duress_pin) == ((), "", "")


def test_site_yaml_may_declare_the_notation(csv_roster: Callable[..., Sheets]) -> None:
    """card_notation and card_format hold for columns that say nothing."""
    sheets = csv_roster("编号,姓名,卡号", "1,甲,0013477100", card_notation="dec", card_format="w34")
    assert sheets.tenants[0].cards == (Card(34, 13477100),)


@pytest.mark.parametrize(
    ("heading", "cell", "code"),
    [
        ("卡号", "0013477100", "card_notation"),
        ("卡号", "uid:0013477100", "card_notation"),
        ("卡号[dec]", "00CDA4EC", "card_dec"),
        ("卡号[hex]", "205,42220", "card_hex"),
        ("卡号[fc]", "0013477100", "card_fc"),
        ("卡号[dec]", "16777216", "card_fit"),
        ("卡号[fc]", "256,1", "card_fit"),
        ("卡号[fc w26]", "205,42220", "card_flat"),
        ("卡号[dec]", ";".join(str(number) for number in range(30)), "too_many_cards"),
    ],
)
def test_refuses_and_says_why(csv_roster: Callable[..., Sheets], heading: str, cell: str, code: str) -> None:
    """No notation, a wrong form, a value that does not fit: each has its own words, and none repeats the number."""
    sheets = csv_roster(f"编号,姓名,{heading}", f'1,甲,"{cell}"')
    assert codes(sheets) == [code]
    assert all(cell not in sheets.faults[0].text(locale) for locale in ("zh", "en"))


def test_refuses_an_unknown_bracket(csv_roster: Callable[..., Sheets]) -> None:
    """A bracket nobody understands is not a notation."""
    assert codes(csv_roster("编号,姓名,卡号[国标]", "1,甲,0013477100")) == ["card_heading"]


def test_several_columns_and_several_cards(csv_roster: Callable[..., Sheets]) -> None:
    """Cards of all columns belong to the person, each once."""
    sheets = csv_roster("编号,姓名,卡号1[dec],卡号2[hex]", "1,甲,0013477100;0001217485,00CDA4EC")
    assert not sheets.faults
    assert {card.value for card in sheets.tenants[0].cards} == {13477100, 1217485}


@pytest.mark.parametrize("between", ["\n", "\r\n", "\t", ";\n", "\u2028"])
def test_cards_on_lines_of_their_own_are_several(between: str) -> None:
    """Alt+Enter and tabs part cards: two numbers never become one."""
    found = cards.cards("0013477100" + between + "0013477183", cards.Written("dec", "h10301"))
    assert [card.value for card in found] == [13477100, 13477183]


def test_shows_decimal_with_its_zeros() -> None:
    """What is shown of a card keeps the zeros in front, and reads back as the same card."""
    card = Card(26, 1217485)
    text = cards.show(card, "h10301")
    assert text == "dec:0001217485"
    how = cards.written("", RosterSettings())
    assert how is not None
    assert cards.cards(text, how) == [card]


@pytest.mark.parametrize("name", FORMATS)
def test_the_largest_value_of_each_format_fits_and_no_larger(name: str) -> None:
    """The bound is the format's own."""
    how = cards.Written("dec", name)
    most = (1 << FORMATS[name].payload) - 1
    assert cards.cards(str(most), how) == [Card(FORMATS[name].bits, most)]
    with pytest.raises(Wrong, match="card_fit"):
        cards.cards(str(most + 1), how)


def test_a_card_belongs_to_one_person(csv_roster: Callable[..., Sheets]) -> None:
    """The second row says where the first one is, in whatever notation the two are written."""
    sheets = csv_roster("编号,姓名,卡号", "1,甲,dec:0013477100", '2,乙,"fc:205,42220"')
    assert codes(sheets) == ["card_twice"]
    assert "roster.csv 第 2 行" in sheets.faults[0].message("zh")
    assert remarks(sheets) == []


@pytest.mark.parametrize("cell", ["qr:7KQ29XBM", "二维码：7KQ29XBM", "QR: 7KQ 29XBM", cards.show(code_card("7KQ29XBM"), "h10301")])
def test_a_qr_code_is_a_card_of_its_own_kind(csv_roster: Callable[..., Sheets], cell: str) -> None:
    """The text of a code, however it is spaced, and the hash that an exported sheet has, are one card that no Wiegand reader can send."""
    sheets = csv_roster("编号,姓名,卡号[十进制]", f"1,甲,0013477100;{cell}")
    assert not sheets.faults
    assert sheets.tenants[0].cards == (Card(26, 13477100), code_card("7KQ29XBM"))


@pytest.mark.parametrize("cell", ["qr:", "qr:1234567", "qr:七七七七七七七七", "qr_sha256:00", "qr_sha256:" + "g" * 64])
def test_a_code_that_could_be_found_by_trying(csv_roster: Callable[..., Sheets], cell: str) -> None:
    """Fewer than eight characters, or none that a reader sends, are no code, and the message shows none of it."""
    sheets = csv_roster("编号,姓名,卡号", f"1,甲,{cell}")
    assert [fault.code for fault in sheets.faults] == ["card_qr"]
    assert "1234567" not in sheets.faults[0].text("en")
