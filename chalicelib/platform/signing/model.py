"""A pair of keys as it is stored, and the public keys that verifiers get."""

from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, Field


class PublicKey(BaseModel, frozen=True):
    """A public key as PEM (SubjectPublicKeyInfo). ``retired_at`` is when another took its place, ``until`` when nothing
    that it signed is relied on any more (seconds texts); both None for the one that signs now."""

    id: str
    pem: str
    inserted_at: str
    retired_at: str | None = None
    until: str | None = None


class KeyPair(BaseModel, frozen=True):
    """The pair that signs for one purpose, which is the ``id`` of its row. The private key is either sealed
    (``private_sealed``) or stays in KMS under ``kms_key``. ``certificate`` is that of an authority, as PEM."""

    id: str
    key_id: str
    public_pem: str
    private_sealed: bytes | None = Field(None, repr=False)
    kms_key: str = ""
    certificate: str = ""
    inserted_at: str
    previous: tuple[PublicKey, ...] = ()
    version: int = 0

    @property
    def public(self) -> PublicKey:
        """The public key that verifies what is signed now."""
        return PublicKey(id=self.key_id, pem=self.public_pem, inserted_at=self.inserted_at)


@dataclass(frozen=True)
class Made:
    """A new pair: its public key as PEM, and where the private one is: as PEM to be sealed, or the ARN of KMS's key."""

    public_pem: str
    private_pem: bytes = b""
    kms_key: str = ""

    def __repr__(self) -> str:
        return f"Made(kms_key={self.kms_key!r})"


class PrivateKeys(Protocol):
    """Makes pairs and signs with their private keys: RSA, PKCS#1 v1.5 with SHA-256."""

    def make(self) -> Made:
        """A pair to begin with, or to take the place of another."""
        ...

    def sign(self, pair: KeyPair, message: bytes) -> bytes:
        """The signature of a message."""
        ...


class KmsClient(Protocol):
    """The part of the SDK's KMS client that is used."""

    def get_public_key(self, *, KeyId: str) -> Any: ...  # noqa: N803 - the SDK's names

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Any: ...  # noqa: N803
