"""Stand-ins for AWS services other than DynamoDB."""

import json
from functools import cache
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


@cache
def _rsa_key(_number: int) -> RSAPrivateKey:
    """One for each number in the whole run: making one takes a tenth of a second."""
    return generate_private_key(65537, 2048)


FIRST_KEY = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000000"
"""A key that is there from the start."""


class FakeKms:
    """Asymmetric keys of KMS, by ARN. Signs digests alone. ``aliases`` are ids by alias, ``ending`` the ids of the keys
    that are scheduled for deletion."""

    def __init__(self) -> None:
        self._made = 1
        self.aliases: dict[str, str] = {}
        self.ending: list[str] = []

    def new_key(self) -> str:
        """The ARN of a new key."""
        arn: str = self.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        return arn

    def create_key(self, *, KeySpec: str, KeyUsage: str, **_: Any) -> Any:
        assert (KeySpec, KeyUsage) == ("RSA_2048", "SIGN_VERIFY")
        key_id = f"{self._made:08x}-0000-4000-8000-000000000000"
        self._made += 1
        return {"KeyMetadata": {"KeyId": key_id, "Arn": FIRST_KEY.rpartition("/")[0] + "/" + key_id}}

    def create_alias(self, *, AliasName: str, TargetKeyId: str) -> None:
        assert AliasName not in self.aliases
        self.aliases[AliasName] = TargetKeyId

    def schedule_key_deletion(self, *, KeyId: str, PendingWindowInDays: int) -> None:
        assert PendingWindowInDays
        self.ending.append(KeyId)

    def get_public_key(self, *, KeyId: str) -> Any:
        public = self._key(KeyId).public_key()
        return {"PublicKey": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Any:
        assert (MessageType, SigningAlgorithm) == ("DIGEST", "RSASSA_PKCS1_V1_5_SHA_256")
        return {"Signature": self._key(KeyId).sign(Message, PKCS1v15(), Prehashed(SHA256()))}

    def _key(self, arn: str) -> RSAPrivateKey:
        number = int(arn.rpartition("/")[2].partition("-")[0], 16)
        assert number < self._made, f"there is no key {arn}"
        return _rsa_key(number)
