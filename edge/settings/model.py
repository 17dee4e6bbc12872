"""site.yaml as one frozen type, put together from the pieces that each package declares."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from edge.gate.settings import GateSettings, Name
from edge.journal.settings import JournalSettings
from edge.roster.settings import RosterSettings
from edge.settings.faults import Locale
from edge.uplink.settings import UplinkSettings
from edge.vision.settings import CameraSettings, RecognitionSettings


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise PydanticCustomError("not_absolute", "expected a path from the root, such as /var/lib/anyu-edge")
    return path


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # "../x", a name that is none, a folder of names
        raise PydanticCustomError("timezone", "unknown time zone") from None
    return name


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class SiteSettings(BaseModel):
    """The premises. `kind`: gate (face and card open), capture (cameras report, guards decide), card (cards and hand-kept lists)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Literal["gate", "capture", "card"] = "gate"
    label: str = Field("", max_length=64)
    timezone: Annotated[str, AfterValidator(_timezone)] = "Asia/Shanghai"

    @property
    def tz(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)


class GatewaySettings(BaseModel):
    """This machine among the gateways of the site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = "gw1"


Role = Literal["guard", "manager", "installer", "inspector"]
"""A set of commands; edge/control/roles.py has the table."""


class ControlSettings(BaseModel):
    """Who may give commands on this machine, beside root and the daemon's own account: members of the system groups of each role.

    `groups` are the guards' where `roles` does not name theirs. A role that is left out has its usual group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: tuple[str, ...] = ("anyu-guard",)
    roles: dict[Role, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def members(self) -> dict[Role, tuple[str, ...]]:
        """The groups of every role."""
        usual: dict[Role, tuple[str, ...]] = {
            "guard": self.groups,
            "manager": ("anyu-manager",),
            "installer": ("anyu-installer",),
            "inspector": ("anyu-inspector",),
        }
        return usual | self.roles


class Settings(BaseSettings, GateSettings):
    """Everything the daemon is told. Made by edge.settings.load, which finds every fault at once and where it stands."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False)

    locale: Locale = "en"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    site: SiteSettings
    gateway: GatewaySettings = GatewaySettings()
    state_dir: AbsolutePath = Path("/var/lib/anyu-edge")
    run_dir: AbsolutePath = Path("/run/anyu-edge")
    control: ControlSettings = ControlSettings()
    roster: RosterSettings = RosterSettings()
    journal: JournalSettings = JournalSettings()
    uplink: UplinkSettings | None = None
    cameras: dict[Name, CameraSettings] = Field(default_factory=dict, max_length=16)
    recognition: RecognitionSettings = RecognitionSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the layers that edge.settings.load hands over, strongest first; without layers, the keyword arguments."""
        del env_settings, dotenv_settings, file_secret_settings  # the layers keep the place of every value, these do not
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        layers = given.get("layers")
        if layers is None:
            return (init_settings,)
        return tuple(InitSettingsSource(settings_cls, init_kwargs=layer) for layer in layers)

    @property
    def version(self) -> str:
        """A hash of everything that is in force, secrets left out: the `config_version` of events."""
        return hashlib.sha256(self.model_dump_json(exclude={"log_level", "locale"}).encode()).hexdigest()[:16]

    @property
    def ruled(self) -> frozenset[str] | None:
        """The groups that access rules name; None where there is no rule, so that nothing is said of groups."""
        return frozenset(group for rule in self.access_rules for group in rule.groups) or None
