"""X.509 certificates: that of an authority, and those of clients. Every function returns PEM or values of
`cryptography`; the caller gives time and serial numbers."""

from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERIAL_BYTES = 16
"""Random bytes of a serial number, which has at most 20 (RFC 5280 section 4.1.2.2)."""

_USES = ("digital_signature", "key_cert_sign", "crl_sign")
_OTHER_USES = (
    *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("encipher_only", "decipher_only"),
)


class Span(NamedTuple):
    """The time that a certificate is good for."""

    begins: datetime
    ends: datetime


def new_key() -> EllipticCurvePrivateKey:
    """A new private key on P-256."""
    return generate_private_key(SECP256R1())


def private_pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def load_private(pem: bytes) -> EllipticCurvePrivateKey:
    """Raises TypeError for a key of another kind."""
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("the authority's key is on no elliptic curve")
    return key


def authority_certificate(key: EllipticCurvePrivateKey, name: str, serial: int, span: Span) -> str:
    """The certificate of an authority, signed by itself, which vouches for clients directly."""
    subject = _name(common=name)
    builder = _builder(subject, subject, key, serial, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
    return _signed(builder, key)


def client_certificate(
    key: EllipticCurvePrivateKey, subject: str, unit: str, serial: int, span: Span, *, issuer: tuple[str, bytes]
) -> str:
    """The certificate of a client of this common name in an organizational unit. It is good for client authentication
    alone. ``issuer`` is the authority's certificate and private key."""
    certificate, issuer_key = x509.load_pem_x509_certificate(issuer[0].encode()), load_private(issuer[1])
    builder = _builder(certificate.subject, _name(common=subject, unit=unit), key, serial, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage("digital_signature"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    vouching = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return _signed(builder.add_extension(vouching, critical=False), issuer_key)


def end_of(certificate: str) -> datetime:
    """When a certificate ends."""
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def serial_of(random: bytes) -> int:
    """A positive serial number of these random bytes."""
    return int.from_bytes(random[:SERIAL_BYTES]) >> 1 or 1


def _builder(
    issuer: x509.Name, subject: x509.Name, key: EllipticCurvePrivateKey, serial: int, span: Span
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial, span.begins, span.ends)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> str:
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def _key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in (*_USES, *_OTHER_USES)})


def _name(*, common: str, unit: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])
