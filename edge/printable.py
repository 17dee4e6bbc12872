"""What a person's terminal or log may be given: text in which nothing moves the cursor, hides, turns round or begins a line."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats (right-to-left override and its like), halves of surrogates, separators of lines. Characters that this Python does not
know yet stay: they are somebody's name."""


def printable(text: str) -> str:
    """The text on one line: line ends and tabs become spaces, every other character that is not seen is dropped."""
    if text.isprintable():
        return text
    return "".join(" " if one in "\n\t" else one for one in text if one in "\n\t" or unicodedata.category(one) not in _UNSEEN)
