"""Stand-ins for AWS services other than DynamoDB."""

import json
from hashlib import sha256

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
