"""Number formats of a workbook by which a cell shows something else than it holds: 123 as 00123, as A123, as 0012-3400."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

ELSE = 0
"""Shown with signs of its own. A larger number is to how many digits zeros are put in front."""

_ATTRIBUTES = rb"""((?:\s+[\w:]+\s*=\s*(?:"[^"]*"|'[^']*'))*)"""
_FORMAT = re.compile(rb"<(?:\w+:)?numFmt" + _ATTRIBUTES)
_STYLES = re.compile(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", re.DOTALL)
_STYLE = re.compile(rb"<(?:\w+:)?xf" + _ATTRIBUTES)
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_PERCENT = (9, 10)  # of the built-in ones (ECMA-376 part 1, 18.8.30), the only two that show another number

_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[_*].|[^;"\\])*')
_PAD = re.compile(r"[_*].|\[(?!\$[^-\]])[^\]]*\]")  # the width of a sign, filling, colours, conditions and languages show nothing
_QUOTED = re.compile(r'"([^"]*)"|\\(.)|\[\$([^-\]]*)[^\]]*\]')
_GENERAL = re.compile(r"general|g/通用格式", re.IGNORECASE)
_DATE = re.compile("[ymdhs]", re.IGNORECASE)


def odd_styles(styles: bytes) -> Mapping[int, int]:
    """The styles of a workbook's styles.xml that show something else: number of the style -> ELSE or the digits zeros fill up to."""
    formats = dict.fromkeys(_PERCENT, ELSE)
    for found in _FORMAT.finditer(styles):
        attributes = _attributes(found[1])
        shows = shown(attributes.get("formatCode", ""))
        if shows is not None and attributes.get("numFmtId", "").isdigit():
            formats[int(attributes["numFmtId"])] = shows
    used = _STYLES.search(styles)
    numbers = [_attributes(found[1]).get("numFmtId", "0") for found in _STYLE.finditer(used[0])] if used else []
    return {style: formats[int(number)] for style, number in enumerate(numbers) if number.isdigit() and int(number) in formats}


def _attributes(text: bytes) -> dict[str, str]:
    return {
        name.decode("ascii", "replace"): unescape((one or other).decode("utf-8", "replace"))
        for name, one, other in _ATTRIBUTE.findall(text)
    }


def shown(code: str) -> int | None:
    """What a format code does to a whole number that is not negative: None shows the number itself, else as `odd_styles`."""
    sections = [part for part in _SECTION.findall(code) if part] or [""]
    conditions = any(re.search(r"\[[<>=]", part) for part in sections)
    return next((odd for part in sections[: 3 if conditions else 1] if (odd := _shown(part)) is not None), None)


def _shown(section: str) -> int | None:
    bare = _PAD.sub("", section)
    own = "".join(part for groups in _QUOTED.findall(bare) for part in groups)
    rest = _GENERAL.sub("", _QUOTED.sub("", bare))
    if _DATE.search(rest):
        return None  # a date is a fault where a number belongs
    if own.strip() or re.search(r"[^0#?,. ()@E+]", rest) or re.search(r"[0#?],+(?:\.|$)", rest):
        return ELSE
    zeros = rest.partition(".")[0].count("0")
    return zeros if zeros > 1 and "E" not in rest else None
