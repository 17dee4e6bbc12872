"""What only this machine can tell of the settings: files, folders and devices that are not there or of no use; and addresses that are none.

For `check` alone: `run` starts with all of this, says what does not answer, and tries again.
"""

from __future__ import annotations

import grp
import ipaddress
import os
import re
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path as File
from urllib.parse import urlsplit

from pydantic import BaseModel

from drivers.line import is_tcp, tcp_address
from edge.settings.faults import Fault, Path
from edge.settings.load import Loaded
from edge.settings.model import Settings
from edge.settings.secrets import credential
from edge.uplink.settings import UplinkSettings

_DIGITS = re.compile(r"[0-9.]+")
# What pyserial, and so nearly every adapter, knows by name; another speed is most often a slip.
_SPEEDS = (1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 128000, 230400, 250000, 256000, 460800, 921600)


def against_machine(loaded: Loaded) -> list[Fault]:
    """Every fault and warning, in the order of the file. Asked by the gateway's own account it also tells what that may not read."""
    if loaded.settings is None:
        return []
    found = list(_Machine(loaded, loaded.settings).look())
    return sorted(found, key=lambda fault: fault.place)


class _Machine:
    def __init__(self, loaded: Loaded, settings: Settings) -> None:
        self._loaded, self._settings = loaded, settings

    def look(self) -> Iterator[Fault]:
        s = self._settings
        yield from self._folder(("roster", "folder"), s.roster.folder)
        yield from self._groups()
        devices: dict[tuple[str, str], Path] = {}
        for name, controller in s.controllers.items():
            yield from self._controller(("controllers", name), controller.options, devices)
        for name, camera in s.cameras.items():
            yield from self._camera(("cameras", name), camera.options)
        if s.uplink is not None:
            yield from self._uplink(s.uplink)

    def _groups(self) -> Iterator[Fault]:
        """Groups of accounts that site.yaml names; the usual ones are made by the installation, or nobody needs them."""
        control = self._settings.control
        given: dict[Path, tuple[str, ...]] = {("control", "roles", role): names for role, names in control.roles.items()}
        for at, names in {("control", "groups"): control.groups, **given}.items():
            for index, name in enumerate(names if self._loaded.layers.has(at) else ()):
                try:
                    grp.getgrnam(name)
                except KeyError:
                    yield self._fault((*at, index), "no_system_group", grave=False, read=f"'{name}'")

    def _controller(self, path: Path, options: BaseModel, devices: dict[tuple[str, str], Path]) -> Iterator[Fault]:
        port, baud = getattr(options, "port", None), getattr(options, "baud", None)
        if isinstance(port, str) and not is_tcp(port):
            yield from self._device((*path, "port"), port)
            if isinstance(baud, int) and baud not in _SPEEDS:
                usual = str(min(_SPEEDS, key=lambda speed: abs(speed - baud)))
                yield self._fault((*path, "baud"), "unusual_speed", grave=False, read=str(baud), usual=usual)
        elif isinstance(port, str):
            yield from self._host((*path, "port"), tcp_address(port)[0])
        yield from self._twice(path, options, devices)
        yield from self._account(path, options)

    def _twice(self, path: Path, options: BaseModel, devices: dict[tuple[str, str], Path]) -> Iterator[Fault]:
        """One device under two names: the same line, the same address or the same serial number as another controller's."""
        port = getattr(options, "port", None)
        line = (port.lower() if is_tcp(port) else os.path.realpath(port)) if isinstance(port, str) else ""
        host = getattr(options, "host", "") or getattr(options, "address", "")
        for key, what in (
            ("port", line),
            ("host", f"{host}:{port}" if host else ""),
            ("serial", str(getattr(options, "serial", None) or "")),
        ):
            first = devices.setdefault((key, what), path) if what else path
            given = getattr(self._settings.controllers[str(first[1])].options, "port", None)
            if first != path and not (key == "port" and given == port):  # the same text is told by cross_check
                at = "address" if key == "host" and not hasattr(options, "host") else key
                line_of_first = str(self._loaded.layers.place((*first, at)).line)
                yield self._fault((*path, at), "same_device", name=str(first[1]), line=line_of_first)
                return

    def _camera(self, path: Path, options: BaseModel) -> Iterator[Fault]:
        for key in ("device", "path"):
            if isinstance(given := getattr(options, key, None), str):
                yield from self._device((*path, key), given) if key == "device" else self._there((*path, key), File(given), grave=False)
        if authority := getattr(options, "ca_file", ""):
            yield from self._certificates((*path, "ca_file"), File(authority))
        if isinstance(url := getattr(options, "url", None), str):
            try:
                parts = urlsplit(url)
                yield from self._host((*path, "url"), parts.hostname or "", port=parts.port)
            except ValueError:
                yield self._fault((*path, "url"), "no_port")
        yield from self._account(path, options)

    def _account(self, path: Path, options: BaseModel) -> Iterator[Fault]:
        """A device that is asked with an account: its host, and that a password is there."""
        if isinstance(host := getattr(options, "host", None), str):
            yield from self._host((*path, "host"), host)
        password = getattr(options, "password", None)
        if getattr(options, "username", "") and password is not None and not password.get_secret_value():
            yield self._fault((*path, "username"), "password_elsewhere", grave=False, name=credential((*path, "password")))

    def _uplink(self, uplink: UplinkSettings) -> Iterator[Fault]:
        yield from self._host(("uplink", "broker"), uplink.host)
        if uplink.username is not None and uplink.password is None:
            yield self._fault(("uplink", "username"), "password_elsewhere", grave=False, name=credential(("uplink", "password")))
        if (tls := uplink.tls) is None:
            return
        if tls.ca is not None:
            yield from self._certificates(("uplink", "tls", "ca"), tls.ca)
        if tls.cert is not None and tls.key is not None:
            found = [*self._there(("uplink", "tls", "cert"), tls.cert), *self._there(("uplink", "tls", "key"), tls.key)]
            yield from found
            if not found and os.access(tls.key, os.R_OK, effective_ids=True):
                try:
                    # A key under a passphrase would be asked for on the terminal: nobody is there when the service starts.
                    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(tls.cert, tls.key, password="")
                except (OSError, ValueError):
                    yield self._fault(("uplink", "tls", "key"), "no_key_pair")

    # -- one of them

    def _there(self, path: Path, file: File, *, grave: bool = True) -> Iterator[Fault]:
        """A file that is to be read."""
        try:
            if not stat.S_ISREG(file.stat().st_mode):
                yield self._fault(path, "no_plain_file", read=str(file))
            elif not os.access(file, os.R_OK, effective_ids=True):
                # Who is not the service's account need not be able to: the key is nobody else's business.
                yield self._fault(path, "file_unreadable", grave=self._is_service(), read=str(file))
        except FileNotFoundError:
            # What systemd gives a service (/run/credentials/…) is there only while it runs.
            yield self._fault(path, "file_missing", grave=grave and not file.is_relative_to("/run"), read=str(file))
        except OSError:  # the way to it is not ours to go
            yield self._fault(path, "file_unreadable", grave=self._is_service(), read=str(file))

    def _certificates(self, path: Path, file: File) -> Iterator[Fault]:
        found = list(self._there(path, file))
        yield from found
        if not found:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
            except (OSError, ValueError):
                yield self._fault(path, "no_certificate", read=str(file))

    def _folder(self, path: Path, folder: File) -> Iterator[Fault]:
        try:
            if not stat.S_ISDIR(folder.stat().st_mode):
                yield self._fault(path, "no_folder", read=str(folder))
        except FileNotFoundError:
            yield self._fault(path, "folder_missing", grave=False, read=str(folder))
        except OSError:
            yield self._fault(path, "file_unreadable", grave=self._is_service(), read=str(folder))

    def _device(self, path: Path, device: str) -> Iterator[Fault]:
        """A device may be plugged in later; a folder or a file will never be one."""
        try:
            if not stat.S_ISCHR(File(device).stat().st_mode):
                yield self._fault(path, "no_device", read=device)
        except OSError:
            yield self._fault(path, "device_missing", grave=False, read=device)

    def _host(self, path: Path, host: str, *, port: int | None = None) -> Iterator[Fault]:
        """Four numbers are meant to be an address. A name may be one that only this network knows."""
        if port == 0:
            yield self._fault(path, "no_port")
        if _DIGITS.fullmatch(host):
            try:
                ipaddress.IPv4Address(host)
            except ValueError:
                yield self._fault(path, "no_address", read=host)

    def _is_service(self) -> bool:
        """Whether whoever asks is the account of the gateway, which is that of its state."""
        try:
            return self._settings.state_dir.stat().st_uid == os.geteuid()
        except OSError:
            return False

    def _fault(self, path: Path, code: str, *, grave: bool = True, **values: str) -> Fault:
        return Fault(self._loaded.layers.place(path), code, tuple(sorted(values.items())), grave=grave, path=path)
