"""The sentences of words.toml, by code and language."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from edge.roster.settings import Locale


@cache
def _words() -> dict[str, dict[str, str]]:
    with Path(__file__).with_name("words.toml").open("rb") as file:
        return tomllib.load(file)


def say(locale: Locale, code: str, **values: str | int) -> str:
    """The sentence of a code. Values are put in as they are: they must be fit to be shown."""
    return _words()[code][locale].format(**values)


def codes() -> frozenset[str]:
    """Every code there is a sentence for."""
    return frozenset(_words())
