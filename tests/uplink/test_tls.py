"""TLS with certificates of both sides, made on the spot."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.journal import Journal
from edge.uplink.identity import CertificateUnusable, client_id, tls_context
from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings, TlsSettings, UplinkSettings
from tests.uplink.conftest import Mosquitto, put, running, until, uplink_of


@dataclass
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = _name("test authority")
        self.certificate = self._sign(name, name, self.key.public_key(), ca=True)
        self.ca = self.folder / "ca.pem"
        self.ca.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, cn: str | None) -> tuple[Path, Path]:
        """A certificate and its key for somebody at this machine: (cert, key)."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self._sign(_name(cn), self.certificate.subject, key.public_key(), ca=False)
        stem = self.folder / (cn or "nameless")
        paths = stem.with_suffix(".pem"), stem.with_suffix(".key")
        paths[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return paths

    def _sign(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(here, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())


def _name(cn: str | None) -> x509.Name:
    kind = NameOID.COMMON_NAME if cn else NameOID.ORGANIZATION_NAME
    return x509.Name([x509.NameAttribute(kind, cn or "nobody")])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that broker and gateways trust."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


def secured(broker_factory: Callable[..., Mosquitto], authority: Authority) -> Mosquitto:
    """A broker that wants a client certificate and takes its CN for the user's name."""
    cert, key = authority.issue("broker")
    files = (f"cafile {authority.ca}", f"certfile {cert}", f"keyfile {key}")
    return broker_factory(listener=(*files, "require_certificate true", "use_identity_as_username true", "tls_version tlsv1.2"))


@pytest.mark.peer("mosquitto")
async def test_both_ends_by_certificate(
    broker_factory: Callable[..., Mosquitto], authority: Authority, journal: Journal, tmp_path: Path
) -> None:
    """Events go through TLS; the gateway is known to the broker by the CN of its certificate."""
    broker = secured(broker_factory, authority)
    broker.start()
    ways = {}
    for cn in ("anting_01-gw1", "town"):
        cert, key = authority.issue(cn)
        tls = {"ca": authority.ca, "cert": cert, "key": key}
        ways[cn] = {"broker": f"mqtts://127.0.0.1:{broker.port}", "tls": tls, "reconnect_max_s": 1}
    put(journal, 20)
    uplink = uplink_of(journal, UplinkSettings.model_validate(ways["anting_01-gw1"]))
    receiver = Receiver(BrokerSettings.model_validate(ways["town"]), tmp_path / "centre.db")
    async with running(uplink.run, receiver.run):
        await until(lambda: journal.acked()["centre"] == 20)
    log = (broker.folder / "mosquitto.log").read_text()
    assert "as anting_01-gw1 (p5" in log
    assert "u'anting_01-gw1'" in log


@pytest.mark.peer("mosquitto")
@pytest.mark.parametrize("wrong", ["no certificate", "unknown broker"])
async def test_wrong_certificates_do_not_connect(
    broker_factory: Callable[..., Mosquitto], authority: Authority, journal: Journal, tmp_path: Path, wrong: str
) -> None:
    """A broker that we cannot check, or that cannot check us, gets nothing."""
    broker = secured(broker_factory, authority)
    broker.start()
    other = tmp_path / "other"
    other.mkdir()
    tls: dict[str, object] = {"ca": authority.ca}
    if wrong == "unknown broker":
        cert, key = authority.issue("anting_01-gw1")
        tls = {"ca": Authority(other).ca, "cert": cert, "key": key}
    put(journal, 1)
    way = {"broker": f"mqtts://127.0.0.1:{broker.port}", "tls": tls, "reconnect_max_s": 1}
    uplink = uplink_of(journal, UplinkSettings.model_validate(way))
    async with running(uplink.run):
        await until(lambda: "uplink.away" in uplink.complaints())
        assert not uplink.view().connected


def test_old_tls_is_not_spoken(authority: Authority) -> None:
    """TLS 1.2 is the least, and the broker's name is checked."""
    context = tls_context(TlsSettings(ca=authority.ca))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_client_id_is_the_cn_unless_chosen(authority: Authority) -> None:
    """CN of the certificate, else site and gateway; a setting wins over both."""
    cert, key = authority.issue("gw-of-the-cn")
    tls = TlsSettings(cert=cert, key=key)
    assert client_id(tls, None, "a-b") == "gw-of-the-cn"
    assert client_id(None, None, "a-b") == "a-b"
    assert client_id(tls, "chosen", "a-b") == "chosen"


def test_unusable_certificates_name_the_file(authority: Authority, tmp_path: Path) -> None:
    """Missing, broken or nameless: the message says which file, and the next attempt reads it again."""
    cert, key = authority.issue(None)
    with pytest.raises(CertificateUnusable, match="no CN"):
        client_id(TlsSettings(cert=cert, key=key), None, "x")
    with pytest.raises(CertificateUnusable, match=r"absent\.pem"):
        client_id(TlsSettings(cert=tmp_path / "absent.pem", key=key), None, "x")
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    with pytest.raises(CertificateUnusable, match=r"broken\.pem"):
        tls_context(TlsSettings(ca=broken))
    with pytest.raises(CertificateUnusable, match=r"absent\.key"):
        tls_context(TlsSettings(ca=authority.ca, cert=cert, key=tmp_path / "absent.key"))
