"""Card numbers as people write them to (bits, value). The notation is declared by column, cell or site.yaml; it is never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from drivers import wiegand
from drivers.wiegand import NotationFault
from edge.access.terms import CODE_BITS, Card, code_card
from edge.roster import cells
from edge.roster.cells import Wrong
from edge.roster.columns import CARD_NAMES, fold
from edge.roster.masks import Cell, Formatted, FormattedText, shape
from edge.roster.settings import Notation, RosterSettings

CARDS_IN_A_CELL = 20
"""More cards than any person carries; a cell with more is a column gone wrong."""

_WORDS: dict[str, Notation] = {
    "dec": "dec", "decimal": "dec", "十进制": "dec", "10进制": "dec",
    "hex": "hex", "hexadecimal": "hex", "十六进制": "hex", "16进制": "hex",
    "fc": "fc", "facility": "fc", "区码": "fc", "区码卡号": "fc", "区位码": "fc", "韦根": "fc",
}  # fmt: skip
_CODES = frozenset({"qr", "二维码", "qr_sha256"})
SHORTEST_CODE = 8  # of 36 letters and digits: a million million codes; what is shorter is found by trying
_HASH = re.compile(r"[0-9a-f]{64}")
_BRACKET_WORD = re.compile(r"[\s,+、/;]+")


_LINES = re.compile(r"[\r\n\t\v\f\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Written:
    """How the cards of one column are written: notation (None: each cell says so by a prefix) and Wiegand format."""

    notation: Notation | None
    format: str


def written(bracket: str, settings: RosterSettings) -> Written | None:
    """What the bracket behind a card heading declares, over what site.yaml says; None when it says something unknown."""
    notation, form = settings.card_notation, settings.card_format
    if bracket.strip().casefold() in _WORDS:
        return Written(_WORDS[bracket.strip().casefold()], form)
    for word in filter(None, _BRACKET_WORD.split(bracket.casefold())):
        if word in _WORDS:
            notation = _WORDS[word]
        elif word in wiegand.FORMATS:
            form = word
        elif fold(word) not in CARD_NAMES:  # 门卡（IC卡号）says twice what it is
            return None
    return Written(notation, form)


def cards(cell: Cell, how: Written) -> list[Card]:
    """All cards of a cell; 无, 未办 or a dash is none.

    A number (not text) is taken only where its column is decimal: there lost zeros in front change nothing. In any other notation they, or
    an E that Excel took for an exponent, would make another card of it.

    Raises:
        Wrong: no notation declared, not of its form, or a value that does not fit the format. The cell is never shown.
    """
    if cells.is_nothing(cell):
        return []
    if isinstance(cell, float) and how.notation != "dec":
        raise Wrong("card_number", shape(cell))
    if isinstance(cell, Formatted) and cell.digits:
        cell = float(cell)  # zeros in front of a decimal number change nothing
    if isinstance(cell, FormattedText):
        raise Wrong("number_format", shape(cell))
    # Alt+Enter or a tab parts cards as well as a semicolon: joined they would be a card that is nobody's, or somebody else's.
    parted = _LINES.sub(";", cell) if isinstance(cell, str) else cell
    written_cards = cells.several(parted, 1000)
    if len(written_cards) > CARDS_IN_A_CELL:
        raise Wrong("too_many_cards", limit=CARDS_IN_A_CELL)
    return list(dict.fromkeys(_card(cells.code(one, 100), how) for one in written_cards))


def _card(one: str, how: Written) -> Card:
    prefix, colon, digits = one.partition(":")
    if colon and prefix.casefold() in _CODES:
        return _code(prefix.casefold(), digits)
    if colon:
        notation = _WORDS.get(prefix.casefold())
    else:
        notation, digits = how.notation, one
    if notation is None:
        raise Wrong("card_notation", shape(one))
    layout = wiegand.FORMATS[how.format]
    try:
        bits, value = wiegand.read_notation(f"{notation}:{digits}", layout)
    except wiegand.BadNotation as bad:
        code = {NotationFault.FORM: f"card_{notation}", NotationFault.RANGE: "card_fit", NotationFault.FLAT: "card_flat"}[bad.fault]
        raise Wrong(code, shape(digits), format=how.format) from None
    return Card(bits, value)


def _code(prefix: str, text: str) -> Card:
    """`qr:TEXT`, or `qr_sha256:HEX` as an exported sheet has it: the text itself is nowhere kept."""
    if prefix == "qr_sha256":
        if not _HASH.fullmatch(text.casefold()):
            raise Wrong("card_qr", shape(text), least=SHORTEST_CODE)
        return Card(CODE_BITS, int(text, 16))
    if not text.isascii() or not text.isprintable() or len(text) < SHORTEST_CODE:
        raise Wrong("card_qr", shape(text), least=SHORTEST_CODE)
    return code_card(text)


def show(card: Card, format_: str) -> str:
    """A card for a sheet, in decimal with its zeros in front (`dec:0013477100`); a QR code by its hash."""
    if card.bits == CODE_BITS:
        return f"qr_sha256:{card.value:064x}"
    return next(text for text in wiegand.write_notations(card.value, wiegand.FORMATS[format_]) if text.startswith("dec:"))
