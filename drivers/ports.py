"""The serial ports of this machine under their lasting names, with a guess of what hangs on each. Nothing is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

BY_PATH, BY_ID = "by-path", "by-id"
NAMELESS = frozenset({"1a86", "067b"})
"""Makers whose chips carry no serial number: all their boards share one name under by-id, so only the socket tells them apart."""
NUMATO = "2a19"

GUESSES: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("1a86", "7523"): ("lcus", "hw667", "wiegand_serial", "modbus"),  # CH340: what the cheapest boards have
        ("1a86", "55d3"): ("modbus", "osdp", "wiegand_serial"),  # CH343
        ("1a86", "55d4"): ("modbus", "osdp", "wiegand_serial"),  # CH9102
        ("0403", "6001"): ("osdp", "modbus", "wiegand_serial"),  # FT232R: most RS-485 adapters worth their money
        ("0403", "6011"): ("osdp", "modbus", "wiegand_serial"),  # FT4232H
        ("0403", "6015"): ("osdp", "modbus", "wiegand_serial"),  # FT230X
        ("10c4", "ea60"): ("modbus", "wiegand_serial", "osdp"),  # CP2102
        ("067b", "2303"): ("wiegand_serial", "modbus"),  # PL2303
    }
)
"""Vendor and product number -> kinds of driver, the likeliest first. A chip says nothing of what is behind it: these are guesses."""
ACM = ("qr",)
"""A virtual serial port without a chip of its own: most often a QR reader."""


@dataclass(frozen=True, slots=True)
class SerialPort:
    """One port. `name` is what belongs into site.yaml; `device` is today's number. `guesses` may be empty."""

    name: str
    device: str
    vendor: str = ""
    product: str = ""
    label: str = ""
    guesses: tuple[str, ...] = ()

    @property
    def lasting(self) -> bool:
        """Whether the name outlives a reboot and another order of plugging in."""
        return self.name != self.device


def serial_ports(dev: Path = Path("/dev"), sys: Path = Path("/sys")) -> list[SerialPort]:
    """Every USB serial port, by its name."""
    names: dict[str, dict[str, str]] = {}
    for folder in (BY_PATH, BY_ID):
        for link in sorted(_children(dev / "serial" / folder)):
            names.setdefault(link.resolve().name, {}).setdefault(folder, str(link))
    for port in (*dev.glob("ttyUSB*"), *dev.glob("ttyACM*")):
        names.setdefault(port.resolve().name, {})
    return sorted((_port(tty, links, dev, sys) for tty, links in names.items()), key=lambda port: port.name)


def lasting_name(port: str, dev: Path = Path("/dev"), sys: Path = Path("/sys")) -> str:
    """The name under /dev/serial that leads to this device now; "" where there is none."""
    device = Path(port).resolve()
    return next((found.name for found in serial_ports(dev, sys) if found.lasting and Path(found.name).resolve() == device), "")


def _port(tty: str, links: Mapping[str, str], dev: Path, sys: Path) -> SerialPort:
    vendor, product, label = _usb(sys / "class" / "tty" / tty / "device")
    order = (BY_PATH, BY_ID) if vendor in NAMELESS else (BY_ID, BY_PATH)
    name = next((links[folder] for folder in order if folder in links), str(dev / tty))
    guesses = ("numato",) if vendor == NUMATO else GUESSES.get((vendor, product), ACM if tty.startswith("ttyACM") else ())
    return SerialPort(name, str(dev / tty), vendor, product, label, guesses)


def _usb(device: Path) -> tuple[str, str, str]:
    """Vendor number, product number and what the device calls itself, from the USB device that this tty belongs to."""
    here = device.resolve()
    for folder in (here, *list(here.parents)[:4]):  # the tty, its interface, its device; hubs have numbers too and lie beyond
        if (folder / "idVendor").is_file():
            said = (_line(folder / "manufacturer"), _line(folder / "product"))
            return _line(folder / "idVendor"), _line(folder / "idProduct"), " ".join(word for word in said if word)
    return "", "", ""


def _line(path: Path) -> str:
    """The first line of a small file of the kernel's, printable; a device may call itself anything."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "".join(sign for sign in text.split("\n")[0][:64] if sign.isprintable()).strip()


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
