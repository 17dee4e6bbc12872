"""Who we are to the broker: the client id and the TLS context."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from edge.errors import TryAgain
from edge.uplink.broker import Options
from edge.uplink.settings import BrokerSettings, TlsSettings


class CertificateUnusable(TryAgain):
    """A certificate or key file is missing, unreadable or broken: the files are read again at the next attempt."""


def options(settings: BrokerSettings, otherwise: str, window: int) -> Options:
    """How a gateway greets the broker; `otherwise` is its id without a certificate. Raises CertificateUnusable."""
    s = settings
    return Options(
        host=s.host,
        port=s.port,
        client_id=client_id(s.tls, s.client_id, otherwise),
        protocol=s.protocol,
        keepalive_s=s.keepalive_s,
        username=s.username,
        password=s.password.get_secret_value() if s.password else None,
        tls=tls_context(s.tls) if s.secure else None,
        window=window,
    )


def client_id(tls: TlsSettings | None, chosen: str | None, otherwise: str) -> str:
    """The id to connect with: the chosen one, else the CN of the client certificate, else `otherwise`.

    Raises CertificateUnusable when the certificate cannot be read or has no CN.
    """
    if chosen:
        return chosen
    if tls is None or tls.cert is None:
        return otherwise
    try:
        names = x509.load_pem_x509_certificate(tls.cert.read_bytes()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError) as fault:
        raise CertificateUnusable(f"{tls.cert}: not a readable PEM certificate ({type(fault).__name__})") from fault
    if not names:
        raise CertificateUnusable(f"{tls.cert}: the certificate's subject has no CN to be known by")
    return str(names[0].value)


def tls_context(tls: TlsSettings | None) -> ssl.SSLContext:
    """TLS 1.2 or later, the broker's name checked, our certificate shown if there is one. Raises CertificateUnusable."""
    tls = tls or TlsSettings()
    try:
        context = ssl.create_default_context(cafile=_text(tls.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _Closing
        if tls.cert is not None:
            # An empty password: an encrypted key is an error here, not a question at a terminal that nobody watches.
            context.load_cert_chain(tls.cert, tls.key, password="")
    except (OSError, ValueError) as fault:
        names = ", ".join(str(path) for path in (tls.ca, tls.cert, tls.key) if path is not None) or "the system's authorities"
        raise CertificateUnusable(f"{names}: {getattr(fault, 'strerror', None) or fault}") from fault
    return context


class _Closing(ssl.SSLSocket):
    """paho drops a socket whose handshake failed and leaves it to the garbage collector; a broker refused every minute adds up."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, or close."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
