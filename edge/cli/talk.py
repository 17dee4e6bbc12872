"""How the command speaks: in the site's language, to a person or (`--json`) to a program; and how it reaches the daemon.

Exit codes: 0 good, 1 bad news, 2 wrong use.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from edge.cli.words import WORDS, say
from edge.control import client
from edge.errors import CommandRefused, NoDaemon
from edge.printable import printable
from edge.settings import Loaded, Locale, Settings, load
from edge.settings.load import DEFAULT_PATH

BAD_NEWS = 1
WRONG_USE = 2
_MISUSE = frozenset({"unknown_place", "bad_argument", "bad_reason", "bad_time", "bad_id", "unknown_verb"})

Config = Annotated[Path, typer.Option("--config", "-c", help="The settings 配置文件", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="For programs 供程序读取")]
CONFIG = DEFAULT_PATH


_language: list[Locale] = []


def spoken() -> Locale:
    """The site's language once its settings are read; until then, and where there are none, that of the person at the keyboard."""
    chosen = os.environ.get("LC_ALL") or os.environ.get("LANG", "")
    return _language[-1] if _language else "zh" if chosen.startswith("zh") else "en"


def read(config: Path, *, secrets: bool = False) -> Loaded:
    """`edge.settings.load`; from here on the site's language is spoken."""
    loaded = load(config, secrets=secrets)
    _language[:] = [loaded.locale]
    return loaded


def site(config: Path) -> Settings:
    """The settings; whoever has faulty ones is shown the faults, and the command ends."""
    return usable(read(config), config)


def usable(loaded: Loaded, config: Path) -> Settings:
    """The settings of `load`, like `site`."""
    if loaded.settings is None:
        for fault in loaded.faults:
            complain(fault.text(loaded.locale))
        complain(say(loaded.locale, "mend_settings", path=str(config)))
        raise typer.Exit(WRONG_USE if missing(loaded) else BAD_NEWS)
    return loaded.settings


def missing(loaded: Loaded) -> bool:
    """Whether there is no settings file at all: somebody named the wrong one."""
    return [fault.code for fault in loaded.faults] == ["no_file"]


def socket_of(settings: Settings) -> Path:
    """Where the daemon of these settings listens."""
    return settings.run_dir / "control.sock"


def ask(settings: Settings, verb: str, *, timeout_s: float = client.ANSWER_S, **args: object) -> object:
    """The daemon's answer; a refusal is said in words and ends the command. Raises NoDaemon."""
    try:
        return client.ask(socket_of(settings), verb, timeout_s=timeout_s, **args)
    except CommandRefused as refused:
        refuse(settings.locale, refused)


def follow(settings: Settings, verb: str, **args: object) -> Iterator[object]:
    """The daemon's items as they come; otherwise like `ask`."""
    try:
        yield from client.follow(socket_of(settings), verb, **args)
    except CommandRefused as refused:
        refuse(settings.locale, refused)


def need(settings: Settings, verb: str, can: str = "can_check", *, timeout_s: float = client.ANSWER_S, **args: object) -> object:
    """Like `ask`, for what only a running daemon can do; without one, `can` says what can still be done."""
    try:
        return ask(settings, verb, timeout_s=timeout_s, **args)
    except NoDaemon:
        no_daemon(settings, can)


def no_daemon(settings: Settings, can: str) -> NoReturn:
    """Say that there is no daemon, and what can still be done: the code of a sentence, or the sentence."""
    complain(say(settings.locale, "no_daemon", path=str(socket_of(settings))))
    complain(say(settings.locale, can) if can in WORDS else can)
    raise typer.Exit(BAD_NEWS)


def refuse(locale: Locale, refused: CommandRefused) -> NoReturn:
    """Say why the daemon does not do it."""
    complain(say(locale, refused.code, detail=_said(locale, refused)))
    raise typer.Exit(WRONG_USE if refused.code in _MISUSE else BAD_NEWS)


def _said(locale: Locale, refused: CommandRefused) -> str:
    """What the daemon says beside its code, in the language of the place: roles, and why a disk refuses."""
    if refused.code == "other_role":  # guard (anyu-guard), manager (anyu-manager)
        return re.sub(r"(\w+) \(", lambda role: f"{say(locale, 'role_' + role[1])} (", str(refused))
    number = next((number for number in errno.errorcode if os.strerror(number) == str(refused)), 0)
    return reason(locale, OSError(number, str(refused))) if number else str(refused)


def reason(locale: Locale, why: OSError | sqlite3.Error) -> str:
    """What is wrong with a file or a database, in words."""
    if isinstance(why, sqlite3.Error):
        code = "_".join(getattr(why, "sqlite_errorname", "").split("_")[:2])  # SQLITE_READONLY_DIRECTORY is SQLITE_READONLY
        return say(locale, code) if code in WORDS else str(why)
    code = f"errno_{errno.errorcode.get(why.errno or 0, '')}"
    return say(locale, code) if code in WORDS else why.strerror or type(why).__name__


def line(text: str = "") -> None:
    """One line for whoever reads the output, without what a terminal would obey. A reader that goes away ends the command quietly."""
    try:
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        mute()
        raise typer.Exit(0) from None


def mute() -> None:
    """Send what is still in stdout nowhere: the interpreter flushes once more at its end, and that must not fail too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def data(value: object) -> None:
    """One JSON value on one line; where it holds what a terminal would obey, everything beyond ASCII is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    line(text if text == printable(text) else json.dumps(value).replace("\x7f", "\\u007f"))


def complain(text: str) -> None:
    """One line that is no output, without what a terminal would obey."""
    sys.stderr.write(printable(text) + "\n")


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes; who leaves the question does not."""
    try:
        return typer.confirm(printable(question), default=False, err=True)
    except typer.Abort:
        return False


class _Plain(Console):
    """Rich drops only some of the controls in a text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The same, each line of text without what a terminal would obey."""
        for segment in super().render(renderable, options):
            text = "\n".join(map(printable, segment.text.split("\n")))
            yield segment if segment.control else Segment(text, segment.style)


def show(what: RenderableType) -> None:
    """A table as Rich makes it, which knows how wide Chinese is; where nobody watches, nothing is folded."""
    console = _Plain(highlight=False)
    (console if console.is_terminal else _Plain(highlight=False, width=240)).print(what)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns that stay columns, whatever is Chinese in them."""
    every = [tuple(map(printable, row)) for row in (headings, *rows)]
    widths = [max(cell_len(row[column]) for row in every) for column in range(len(headings))]
    for row in every:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        line("  ".join(cells).rstrip())
