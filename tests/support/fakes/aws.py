"""Stand-ins for AWS services other than DynamoDB."""

import json
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.kit.data_keys import WrappedKey


class FakeKeyService:
    """KMS as `Sealer` sees it: unwraps only what it wrapped, and only with the same context. Counts its calls."""

    def __init__(self) -> None:
        self.generated = 0
        self.unwrapped = 0
        self._plain_by_wrapped: dict[bytes, tuple[bytes, str]] = {}

    def generate(self, context: dict[str, str]) -> WrappedKey:
        self.generated += 1
        plain = sha256(f"data key {self.generated}".encode()).digest()
        wrapped = b"wrapped:" + sha256(plain).digest()
        self._plain_by_wrapped[wrapped] = (plain, _canonical(context))
        return WrappedKey(plain, wrapped)

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Raises PermissionError for foreign bytes or another context."""
        self.unwrapped += 1
        plain, wrapped_for = self._plain_by_wrapped.get(wrapped, (b"", ""))
        if wrapped_for != _canonical(context):
            raise PermissionError("InvalidCiphertextException")
        return plain


def _canonical(context: dict[str, str]) -> str:
    return json.dumps(context, sort_keys=True)


class FakeKms:
    """Asymmetric keys of KMS, by ARN: `new_key` makes one. Signs digests alone. ``aliases`` are ids by alias,
    ``ending`` the ids of the keys that are scheduled for deletion."""

    def __init__(self) -> None:
        self.keys: dict[str, RSAPrivateKey] = {}
        self.aliases: dict[str, str] = {}
        self.ending: list[str] = []

    def new_key(self) -> str:
        arn: str = self.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        return arn

    def create_key(self, *, KeySpec: str, KeyUsage: str, **_: Any) -> Any:
        assert (KeySpec, KeyUsage) == ("RSA_2048", "SIGN_VERIFY")
        key_id = f"{len(self.keys):08x}-0000-4000-8000-000000000000"
        arn = f"arn:aws:kms:eu-central-1:123456789012:key/{key_id}"
        self.keys[arn] = generate_private_key(65537, 2048)
        return {"KeyMetadata": {"KeyId": key_id, "Arn": arn}}

    def create_alias(self, *, AliasName: str, TargetKeyId: str) -> None:
        assert AliasName not in self.aliases
        self.aliases[AliasName] = TargetKeyId

    def schedule_key_deletion(self, *, KeyId: str, PendingWindowInDays: int) -> None:
        assert PendingWindowInDays
        self.ending.append(KeyId)

    def get_public_key(self, *, KeyId: str) -> Any:
        public = self.keys[KeyId].public_key()
        return {"PublicKey": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Any:
        assert (MessageType, SigningAlgorithm) == ("DIGEST", "RSASSA_PKCS1_V1_5_SHA_256")
        return {"Signature": self.keys[KeyId].sign(Message, PKCS1v15(), Prehashed(SHA256()))}
