"""What site.yaml says of the roster (`roster:`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from edge.access.terms import PersonKind

Notation = Literal["dec", "hex", "fc"]
Locale = Literal["zh", "en"]
GroupName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]


def _usual_groups() -> dict[PersonKind, tuple[str, ...]]:
    return {PersonKind.RESIDENT: ("residents",), PersonKind.STAFF: ("staff",), PersonKind.GUARD: ("guards",)}


class RosterSettings(BaseModel):
    """Where the roster lies and how its cells are read. Times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Path("/etc/anyu-edge/roster")
    card_format: str = "h10301"
    """Wiegand format of the site's cards (a key of drivers.wiegand); a column may name another: `cards[dec h10302]`."""
    card_notation: Notation | None = None
    """How cards are written in a column that does not say. None: such a cell needs a prefix; it is never guessed."""
    groups: dict[str, GroupName] = Field(default_factory=dict)
    """Words used in the sheet's groups column -> group name, for managers who write Chinese: {夜班: morning_shift}."""
    default_groups: dict[PersonKind, tuple[GroupName, ...]] = Field(default_factory=_usual_groups)
    """The groups of a person whose groups cell is empty, by kind."""
    hot_reload: bool = True
    """Whether a saved sheet is applied by itself. False: only `roster apply` does."""
    settle_s: float = Field(default=1.5, ge=0.05, le=60)
    """How long the folder must lie still before it is read. Excel writes beside the file, then renames, within about a second."""
    check_every_s: float = Field(default=5.0, ge=0.05, le=3600)
    """How often the folder is looked at even when the system told of no change (network shares and swapped folders tell nothing)."""
    read_timeout_s: float = Field(default=120.0, ge=1, le=3600)
    """When reading is given up. 100,000 rows of .xlsx take about 15 s on a slow mini-PC."""
    keep_photos: bool = False
    """Whether photos stay in the folder after enrolment. False: they are deleted once they became a template."""
    unused_photos_days: int = Field(default=7, ge=1, le=30)
    """After how many days a photo goes that became no template. Those of nobody in the roster go after an hour."""
    keep_good: int = Field(default=3, ge=1, le=10)
    """How many rosters that were in force are kept for `roster rollback`, beside the one in force."""

    @field_validator("card_format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        from drivers import wiegand

        if value not in wiegand.FORMATS:
            raise ValueError(f"expected one of {', '.join(wiegand.FORMATS)}")
        return value
