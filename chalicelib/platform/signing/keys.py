"""Private keys: those of KMS, and those that are sealed in their row as all secrets are.

Only a process that signs imports this module: `cryptography` takes longer to load than all else here.
"""

from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from chalicelib.kit.crypto import Sealer
from chalicelib.platform.signing.model import KeyPair, KmsClient, Made
from chalicelib.platform.signing.store import associated_with

KEY_BITS = 2048
_PUBLIC_EXPONENT = 65537
_ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"


class KmsKeys:
    """Private keys that never leave KMS. ``key`` is the ARN of an asymmetric key for signing (RSA_2048, SIGN_VERIFY):
    the one that a new pair is made of. ``client`` returns the SDK's client. Raises `ClientError` (botocore)."""

    def __init__(self, client: Callable[[], KmsClient], key: str) -> None:
        self._client = client
        self._key = key

    def make(self) -> Made:
        public = load_der_public_key(self._client().get_public_key(KeyId=self._key)["PublicKey"])
        return Made(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), kms_key=self._key)

    def sign(self, pair: KeyPair, message: bytes) -> bytes:
        """The digest alone is sent: KMS takes no message of more than 4096 bytes (API reference, "Sign")."""
        answer = self._client().sign(
            KeyId=pair.kms_key, Message=sha256(message).digest(), MessageType="DIGEST", SigningAlgorithm=_ALGORITHM
        )
        signature: bytes = answer["Signature"]
        return signature


class SealedKeys:
    """Private keys that stand sealed in their row. Raises `UnsealError` for bytes of another row."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def make(self) -> Made:
        key = generate_private_key(_PUBLIC_EXPONENT, KEY_BITS)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Made(public.decode(), private_pem=private)

    def sign(self, pair: KeyPair, message: bytes) -> bytes:
        private = self._sealer.open_bytes(pair.private_sealed or b"", associated_with(pair.id))
        key = load_pem_private_key(private, password=None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError(f"the key of {pair.id} is no RSA key")
        return key.sign(message, PKCS1v15(), SHA256())
