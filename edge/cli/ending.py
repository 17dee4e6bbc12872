"""How a command ends when something outside it is not as it should be: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from edge.cli import talk
from edge.cli.words import say
from edge.errors import CommandRefused, NoDaemon
from edge.journal.faults import Unreadable


class Ending(TyperGroup):
    """All verbs together. What a verb itself does not catch of the machine's errors ends here, with 1; a bug still shows its traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as Typer has it
        """Run the verb that was given."""
        try:
            return super().invoke(ctx)
        except CommandRefused as refused:
            talk.refuse(talk.spoken(), refused)
        except BrokenPipeError:
            talk.mute()
            raise typer.Exit(0) from None
        except NoDaemon as why:
            said = say(talk.spoken(), "no_daemon", path=str(why).partition(": ")[0])
        except Unreadable as why:
            said = say(talk.spoken(), "disk", detail=say(talk.spoken(), f"disk_{why.fault}"))
        except sqlite3.Error as why:
            said = say(talk.spoken(), "disk", detail=talk.reason(talk.spoken(), why))
        except OSError as why:
            where = f"{why.filename}: " if isinstance(why.filename, str | Path) else ""
            said = say(talk.spoken(), "disk", detail=where + talk.reason(talk.spoken(), why))
            talk.mute()  # what could not be written would be tried again at the end
        talk.complain(said)
        raise typer.Exit(talk.BAD_NEWS)
