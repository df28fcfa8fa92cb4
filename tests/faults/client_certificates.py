"""Certificates of a day: one that the client trusts, and one that it does not."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def certificate_of(file: Path) -> Path:
    """Writes a new key with a certificate for 127.0.0.1 and gateway.test that it has signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("gateway.test")]
    address = x509.SubjectAlternativeName(names)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    signed = dated.serial_number(1).add_extension(address, critical=False).sign(key, SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(signed.public_bytes(Encoding.PEM) + secret)
    return file


class Certificates:
    """Two of them, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._trusted, self._unknown = (certificate_of(folder / f"{name}.pem") for name in ("trusted", "unknown"))

    def context(self, which: str) -> ssl.SSLContext | None:
        """What a peer proves itself by; none where it speaks plainly."""
        if not which:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._trusted if which == "trusted" else self._unknown)
        return context

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Clients that are made here believe the first."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(self._trusted)
        try:
            yield
        finally:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before
