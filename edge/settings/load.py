"""Reading the settings: layers, validation, the checks between pieces, one report."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File

from pydantic import ValidationError

import drivers
import drivers.camera
from edge.settings.cross import cross_check
from edge.settings.faults import Fault, Locale, Place, SettingsRefused
from edge.settings.layers import credentials, environment, merged
from edge.settings.model import Settings
from edge.settings.secrets import misplaced, missing
from edge.settings.source import MAX_BYTES, Tree, read
from edge.settings.translate import Layers, translate
from edge.settings.wires import without

DEFAULT_PATH = File("/etc/anyu-edge/site.yaml")
SERVICE_CREDENTIALS = "/run/credentials/anyu-edge.service"
CREDENTIAL_STORE, STORED = "/etc/credstore", "anyu-edge."
_LOCALE = re.compile(r"^locale\s*[:：]\s*[\"']?(zh|en)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, or None when a fault stops `run`; every fault and warning in the order of the file, in the site's language.

    `layers` tells where each value stands, for whoever finds more to say about one.
    """

    settings: Settings | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    locale: Locale
    layers: Layers = field(repr=False)

    @property
    def degraded(self) -> tuple[str, ...]:
        """The words for `degraded` of the faults with which `run` goes on."""
        return tuple(sorted({fault.word for fault in self.faults if fault.word}))


def load(path: File, environ: Mapping[str, str] | None = None, *, secrets: bool = True) -> Loaded:
    """Read everything and report everything. Never raises for what is written or missing in a file.

    `secrets`: a secret that a device needs and that is not here is a fault; else, for whoever does not drive the devices, a warning.
    """
    folder, prefix = _given(path, environ)
    environ = os.environ if environ is None else environ
    tree = _file(path)
    over = environment(environ, tree.values)
    below = merged(tree.values, over.values)
    secret = credentials(folder, Settings.model_fields, below, prefix)
    layers = Layers((secret, over, tree), Place(str(path), 1, 1) if tree.values else Place(str(path)))
    values = merged(below, secret.values)
    faults = [*tree.faults, *over.faults, *secret.faults]
    settings: Settings | None = None
    if tree.values or not tree.faults:  # a file that cannot be read at all has one fault, not one for every missing key
        uninstalled = _uninstalled(values, layers)
        faults += uninstalled
        try:
            if not uninstalled:  # without its library, nobody knows a driver's options
                settings = Settings(layers=[values])  # type: ignore[call-arg]  # layers, not fields
        except ValidationError as why:
            faults += translate(why.errors(include_url=False), layers, Settings, values)
        faults += cross_check(values, layers, tree, faults)
        if settings is not None and (left_out := [fault.left_out for fault in faults if fault.left_out]):
            settings = Settings(layers=[without(values, left_out)])  # type: ignore[call-arg]
        faults += misplaced(Settings, values, layers, tree, over, {fault.path for fault in faults if fault.grave})
        faults += missing(Settings, values, layers, grave=secrets)
    grave = tuple(sorted((f for f in faults if f.grave), key=lambda f: (f.place.line == 0, f.place)))
    warnings = tuple(sorted((f for f in faults if not f.grave), key=lambda f: (f.place.line == 0, f.place)))
    stops = any(not fault.word for fault in grave)
    return Loaded(None if stops else settings, grave, warnings, _locale(values, tree.text, environ), layers)


def read_settings(path: File, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, for who can do nothing without them. Raises SettingsRefused with every fault if one of them stops `run`."""
    loaded = load(path, environ)
    if loaded.settings is None:
        raise SettingsRefused(loaded.faults, loaded.locale)
    return loaded.settings


def _given(path: File, environ: Mapping[str, str] | None) -> tuple[str | None, str]:
    """The folder of credentials, and what their names begin with there.

    For the installed service's own settings, and an account that may look (root): the running service's, else those it will be given.
    """
    folder = (os.environ if environ is None else environ).get("CREDENTIALS_DIRECTORY")
    if folder is None and environ is None and path == DEFAULT_PATH:
        for place, prefix in ((SERVICE_CREDENTIALS, ""), (CREDENTIAL_STORE, STORED)):
            if os.access(place, os.R_OK | os.X_OK):
                return place, prefix
    return folder, ""


def _file(path: File) -> Tree:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            tree = read(file.read(MAX_BYTES + 1), str(path))
    except FileNotFoundError:
        return Tree(faults=[Fault(Place(str(path)), "no_file")])
    except OSError as why:
        return Tree(faults=[Fault(Place(str(path)), "unreadable", (("why", why.strerror or type(why).__name__),))])
    tree.mode, tree.group = found.st_mode, found.st_gid
    return tree


def _uninstalled(merged: Mapping[str, object], layers: Layers) -> list[Fault]:
    """Controllers and cameras whose driver leans on a library that is not here."""
    faults: list[Fault] = []
    for part, kinds, options in (
        ("controllers", drivers.KINDS.keys(), drivers.options),
        ("cameras", drivers.camera.KINDS.keys(), drivers.camera.options),
    ):
        devices = merged.get(part)
        for name, device in devices.items() if isinstance(devices, Mapping) else ():
            driver = device.get("driver") if isinstance(device, Mapping) else None
            if isinstance(driver, str) and driver in kinds:
                try:
                    options(driver)
                except ImportError as why:
                    path = (part, name, "driver")
                    faults.append(Fault(layers.place(path), "driver_needs", (("driver", driver), ("module", why.name or "?")), path=path))
    return faults


def _locale(merged: Mapping[str, object], text: str, environ: Mapping[str, str]) -> Locale:
    """The site's language, also for a file that is not valid; without one, that of the person at the keyboard."""
    said = merged.get("locale")
    if said not in ("zh", "en"):
        found = _LOCALE.search(text)
        said = found[1] if found else None
    if said is None and (not merged or "locale" in merged):
        said = "zh" if (environ.get("LC_ALL") or environ.get("LANG", "")).startswith("zh") else "en"
    return "zh" if said == "zh" else "en"
