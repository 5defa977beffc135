"""`Authority`: the installation's own certificate authority, which issues certificates to clients.

Its key is sealed in its row. A client's private key is made for the answer and stored nowhere.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Sealer, Secret
from chalicelib.kit.ids import Ids
from chalicelib.platform.signing import certificates
from chalicelib.platform.signing.certificates import SERIAL_BYTES, Span
from chalicelib.platform.signing.model import KeyPair
from chalicelib.platform.signing.store import PairStore, associated_with

CLIENT_CA = "client-ca"
"""The id of its row."""

CA_LIFE = timedelta(days=20 * 365)
CLIENT_LIFE = timedelta(days=365)
"""No certificate of a client outlives that of the authority."""

BACKDATED = timedelta(minutes=5)
"""Certificates are good from a little before they are made: clocks differ."""

_KEY_ID_BYTES = 8


@dataclass(frozen=True)
class Issued:
    """A client's certificate and keys, as PEM. ``chain`` leads from it to the authority. ``serial`` is hexadecimal,
    ``expires_at`` seconds text."""

    certificate: str
    chain: str
    public_key: str
    private_key: Secret = field(repr=False)
    serial: str
    expires_at: str


class Authority:
    """The authority's certificate is made when it is first asked for; if several containers try at once, all use that
    of the winner. ``name`` is its common name."""

    def __init__(self, store: PairStore, sealer: Sealer, clock: Clock, ids: Ids, name: str) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._name = name

    def issue(self, subject: str, unit: str) -> Issued:
        """A certificate for a client of this common name in an organizational unit, with a new pair of keys."""
        now, authority = self._clock.now(), self._pair()
        span = Span(now - BACKDATED, min(now + CLIENT_LIFE, certificates.end_of(authority.certificate)))
        issuer = (
            authority.certificate,
            self._sealer.open_bytes(authority.private_sealed or b"", associated_with(CLIENT_CA)),
        )
        key, serial = certificates.new_key(), self._serial()
        return Issued(
            certificate=certificates.client_certificate(key, subject, unit, serial, span, issuer=issuer),
            chain=authority.certificate,
            public_key=certificates.public_pem(key),
            private_key=Secret(certificates.private_pem(key).decode()),
            serial=f"{serial:x}",
            expires_at=to_seconds_text(span.ends),
        )

    def certificate(self) -> str:
        """The authority's own certificate, as PEM: what a service trusts that clients connect to."""
        return self._pair().certificate

    def _pair(self) -> KeyPair:
        return self._store.find(CLIENT_CA) or self._store.add(self._new())

    def _new(self) -> KeyPair:
        now, key = self._clock.now(), certificates.new_key()
        span = Span(now - BACKDATED, now + CA_LIFE)
        return KeyPair(
            id=CLIENT_CA,
            key_id=self._ids.token_bytes(_KEY_ID_BYTES).hex(),
            public_pem=certificates.public_pem(key),
            private_sealed=self._sealer.seal_bytes(certificates.private_pem(key), associated_with(CLIENT_CA)),
            certificate=certificates.authority_certificate(key, self._name, self._serial(), span),
            inserted_at=to_seconds_text(now),
        )

    def _serial(self) -> int:
        return certificates.serial_of(self._ids.token_bytes(SERIAL_BYTES))
