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
from edge.settings.layers import credentials, environment
from edge.settings.model import Settings
from edge.settings.source import Tree, read
from edge.settings.translate import Layers, translate

DEFAULT_PATH = File("/etc/anyu-edge/site.yaml")
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


def load(path: File, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read everything and report everything. Never raises for what is written or missing in a file."""
    environ = os.environ if environ is None else environ
    tree = _file(path)
    over = environment(environ)
    secret = credentials(environ.get("CREDENTIALS_DIRECTORY"), Settings.model_fields)
    layers = Layers((secret, over, tree), Place(str(path), 1, 1) if tree.values else Place(str(path)))
    merged = _merged(tree.values, over.values, secret.values)
    faults = [*tree.faults, *over.faults, *secret.faults]
    settings: Settings | None = None
    if tree.values or not tree.faults:  # a file that cannot be read at all has one fault, not one for every missing key
        uninstalled = _uninstalled(merged, layers)
        faults += uninstalled
        try:
            if not uninstalled:  # without its library, nobody knows a driver's options
                settings = Settings(layers=[secret.values, over.values, tree.values])  # type: ignore[call-arg]  # layers, not fields
        except ValidationError as why:
            faults += translate(why.errors(include_url=False), layers, Settings, merged)
        faults += cross_check(merged, layers, tree, faults)
    grave = tuple(sorted((f for f in faults if f.grave), key=lambda f: (f.place.line == 0, f.place)))
    warnings = tuple(sorted((f for f in faults if not f.grave), key=lambda f: (f.place.line == 0, f.place)))
    stops = any(not fault.word for fault in grave)
    return Loaded(None if stops else settings, grave, warnings, _locale(merged, tree.text, environ), layers)


def read_settings(path: File, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, for who can do nothing without them. Raises SettingsRefused with every fault if one of them stops `run`."""
    loaded = load(path, environ)
    if loaded.settings is None:
        raise SettingsRefused(loaded.faults, loaded.locale)
    return loaded.settings


def _file(path: File) -> Tree:
    try:
        return read(path.read_bytes(), str(path))
    except FileNotFoundError:
        return Tree(faults=[Fault(Place(str(path)), "no_file")])
    except OSError as why:
        return Tree(faults=[Fault(Place(str(path)), "unreadable", (("why", why.strerror or type(why).__name__),))])


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


def _merged(*layers: Mapping[str, object]) -> dict[str, object]:
    """Weakest first; mappings are merged, everything else is replaced."""
    out: dict[str, object] = {}
    for layer in layers:
        for key, value in layer.items():
            below = out.get(key)
            out[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return out


def _locale(merged: Mapping[str, object], text: str, environ: Mapping[str, str]) -> Locale:
    """The site's language, also for a file that is not valid; without one, that of the person at the keyboard."""
    said = merged.get("locale")
    if said not in {"zh", "en"}:
        found = _LOCALE.search(text)
        said = found[1] if found else None
    if said is None and not text:
        said = "zh" if environ.get("LC_ALL", environ.get("LANG", "")).startswith("zh") else "en"
    return "zh" if said == "zh" else "en"
