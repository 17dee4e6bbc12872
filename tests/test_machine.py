"""What `check` finds on the machine: files, folders and devices that are not there or of no use, and addresses that are none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge.settings import load
from edge.settings.machine import against_machine
from tests.premises import Premises

NOBODY = 65534
SITE = """\
locale: en
site: {{name: anting_01}}
state_dir: {folder}/state
roster: {{folder: {folder}/roster}}
controllers:
  board: {{driver: lcus, port: {folder}/port, outputs: 2}}
  reader: {{driver: wiegand_serial, port: "tcp://10.1.3.30:4001", framing: hex_cr, format: h10301}}
doors:
  north: {{lock: {{controller: board, output: 1, type: fail_secure, wiring: no, accept_latching: true}}, free_exit: true}}
access_points:
  north_in: {{door: north, direction: in, reader: {{controller: reader}}}}
access_rules: [{{groups: [residents], access_points: [north_in]}}]
cameras:
  eye: {{driver: rtsp, url: "rtsps://camera.lan/s", ca_file: {folder}/ca.pem, access_points: [north_in]}}
uplink:
  broker: mqtts://centre.example
  tls: {{ca: {folder}/ca.pem, cert: {folder}/cert.pem, key: {folder}/key.pem}}
  acks: {{centre: {{unsigned: true}}}}
"""


def certificate(folder: Path, *, passphrase: bytes = b"") -> None:
    """A certificate with its key, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gw1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(made.public_bytes(Encoding.PEM))
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))


@contextmanager
def furnished(folder: Path) -> Iterator[Path]:
    """A machine on which everything is there; its site.yaml is good."""
    for name in ("roster", "state"):
        (folder / name).mkdir()
    certificate(folder)
    far, near = os.openpty()
    (folder / "port").symlink_to(os.ttyname(near))
    (folder / "site.yaml").write_text(SITE.format(folder=folder), encoding="utf-8")
    yield folder
    os.close(far)
    os.close(near)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The same for one test."""
    with furnished(tmp_path) as folder:
        yield folder


def told(place: Path, old: str = "", new: str = "") -> list[tuple[str, str, bool]]:
    """Code, path and gravity of what is found, `old` in site.yaml being `new`."""
    path = place / "site.yaml"
    text = SITE.format(folder=place)
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = load(path, {})
    assert found.settings is not None, found.faults
    return [(fault.code, ".".join(map(str, fault.path)), fault.grave) for fault in against_machine(found)]


def test_a_machine_that_has_everything(place: Path) -> None:
    """Nothing is said."""
    assert told(place) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{folder}/roster", "{folder}/rooster", ("folder_missing", "roster.folder", False)),
        ("uplink:", "control: {{groups: [root, 门卫]}}\nuplink:", ("no_system_group", "control.groups.1", False)),
        ("uplink:", "control: {{roles: {{manager: [no_such]}}}}\nuplink:", ("no_system_group", "control.roles.manager.0", False)),
        ("{folder}/roster", "{folder}/ca.pem", ("no_folder", "roster.folder", True)),
        ("port: {folder}/port", "port: {folder}/prot", ("device_missing", "controllers.board.port", False)),
        ("port: {folder}/port", "port: {folder}/roster", ("no_device", "controllers.board.port", True)),
        ("port: {folder}/port", "port: {folder}/ca.pem", ("no_device", "controllers.board.port", True)),
        ("outputs: 2", "outputs: 2, baud: 9601", ("unusual_speed", "controllers.board.baud", False)),
        ("tcp://10.1.3.30", "tcp://10.1.3.300", ("no_address", "controllers.reader.port", True)),
        ("rtsps://camera.lan", "rtsps://10.1.3.999", ("no_address", "cameras.eye.url", True)),
        ("rtsps://camera.lan", "rtsps://camera.lan:99999", ("no_port", "cameras.eye.url", True)),
        ("rtsps://camera.lan", "rtsps://camera.lan:0", ("no_port", "cameras.eye.url", True)),
        ("ca_file: {folder}/ca.pem", "ca_file: {folder}/no.pem", ("file_missing", "cameras.eye.ca_file", True)),
        ("ca_file: {folder}/ca.pem", "ca_file: {folder}/key.pem", ("no_certificate", "cameras.eye.ca_file", True)),
        ("ca_file:", "username: viewer, ca_file:", ("password_elsewhere", "cameras.eye.username", False)),
        ("mqtts://centre.example", "mqtts://127.0.0.300", ("no_address", "uplink.broker", True)),
        ("mqtts://centre.example", "mqtts://centre.example\n  username: gate", ("password_elsewhere", "uplink.username", False)),
        ("tls: {{ca: {folder}/ca.pem", "tls: {{ca: {folder}/no.pem", ("file_missing", "uplink.tls.ca", True)),
        ("tls: {{ca: {folder}/ca.pem", "tls: {{ca: {folder}/roster", ("no_plain_file", "uplink.tls.ca", True)),
        ("tls: {{ca: {folder}/ca.pem", "tls: {{ca: {folder}/site.yaml", ("no_certificate", "uplink.tls.ca", True)),
        ("key: {folder}/key.pem", "key: /run/credentials/x.service/key.pem", ("file_missing", "uplink.tls.key", False)),
        ("cert: {folder}/cert.pem", "cert: {folder}/no.pem", ("file_missing", "uplink.tls.cert", True)),
        ("key: {folder}/key.pem", "key: {folder}/no.pem", ("file_missing", "uplink.tls.key", True)),
        ("key: {folder}/key.pem", "key: {folder}/ca.pem", ("no_key_pair", "uplink.tls.key", True)),
    ],
)  # fmt: skip
def test_what_is_not_there_or_of_no_use(place: Path, old: str, new: str, said: tuple[str, str, bool]) -> None:
    """One finding each, at the value that is wrong; what may be plugged in or made later is a warning."""
    assert told(place, old.format(folder=place), new.format(folder=place)) == [said]


def test_a_key_that_does_not_belong_to_its_certificate(place: Path) -> None:
    """Another key, or one under a passphrase, which nobody is there to type."""
    cert = (place / "cert.pem").read_bytes()
    certificate(place)
    (place / "cert.pem").write_bytes(cert)
    assert told(place) == [("no_key_pair", "uplink.tls.key", True)]
    certificate(place, passphrase=b"secret")
    assert told(place) == [("no_key_pair", "uplink.tls.key", True)]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another account")
@pytest.mark.parametrize("service", [True, False])
def test_a_key_that_this_account_may_not_read(service: bool) -> None:
    """A fault for the gateway's own account; others need not be able to."""
    with TemporaryDirectory() as name, furnished(Path(name)) as place:
        place.chmod(0o755)
        (place / "key.pem").chmod(0o600)
        if service:
            os.chown(place / "state", NOBODY, NOBODY)
        found = load(place / "site.yaml", {})
        os.seteuid(NOBODY)
        try:
            said = against_machine(found)
        finally:
            os.seteuid(0)
    assert [(fault.code, fault.path, fault.grave) for fault in said] == [("file_unreadable", ("uplink", "tls", "key"), service)]


def test_two_names_of_one_adapter(place: Path) -> None:
    """A link and what it leads to are one port."""
    (place / "other").symlink_to(os.path.realpath(place / "port"))
    other = f"  second: {{driver: lcus, port: {place}/other, outputs: 1}}\n"
    assert told(place, "doors:\n", other + "doors:\n") == [("same_device", "controllers.second.port", True)]


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ("driver: onvif, host: 10.1.3.7, serial: A", "driver: onvif, host: 10.1.3.7, serial: B", "host"),
        ("driver: onvif, host: 10.1.3.7, serial: A", "driver: onvif, host: 10.1.3.8, serial: A", "serial"),
        ("driver: uhppote, address: 10.1.3.7, serial: 5", "driver: uhppote, address: 10.1.3.7, serial: 6", "address"),
        ("driver: uhppote, address: 10.1.3.7, serial: 5", "driver: uhppote, address: 10.1.3.8, serial: 5", "serial"),
        ("driver: lcus, port: 'tcp://board:1', outputs: 1", "driver: lcus, port: 'tcp://Board:1', outputs: 1", "port"),
        ("driver: onvif, host: 10.1.3.7, serial: A", "driver: onvif, host: 10.1.3.7, port: 81, serial: B", ""),
    ],
)
def test_two_names_of_one_device(place: Path, one: str, other: str, key: str) -> None:
    """The same line, address or number; two doors of one host are two devices."""
    both = f"  one: {{{one}}}\n  other: {{{other}}}\n"
    expected = [("same_device", f"controllers.other.{key}", True)] if key else []
    assert told(place, "doors:\n", both + "doors:\n") == expected


def test_it_is_bad_news_for_check_and_stops_nothing(tmp_path: Path) -> None:
    """The command counts it among the faults and ends with 1; the settings are used all the same."""
    house = Premises(tmp_path, extra='uplink: {broker: "mqtts://127.0.0.300", acks: {centre: {unsigned: true}}}\n')
    told = house.command("check")
    assert (told.returncode, "1 faults" in told.stdout) == (1, True)
    assert "fault: 127.0.0.300 is no IPv4 address: four numbers from 0 to 255." in told.stdout
    assert load(house.config, {}).settings is not None
