"""Settings: site.yaml < ANYU_* < systemd credentials, as one frozen type, with every fault at once where something is wrong."""

from __future__ import annotations

from edge.settings.faults import Fault, Locale, Place, SettingsRefused
from edge.settings.load import Loaded, load, read_settings
from edge.settings.model import Role, Settings

__all__ = ["Fault", "Loaded", "Locale", "Place", "Role", "Settings", "SettingsRefused", "load", "read_settings"]
