"""Hashes of passwords: Argon2id, sealed with the stage's data key."""

from pydantic import SecretStr

from chalicelib.cloud.accounts.store import PASSWORDS
from chalicelib.kit.crypto import Sealer, associated_data
from chalicelib.kit.tables import Item
from chalicelib.platform.access.passwords import Passwords


class PasswordSecrets:
    """A check takes the same time whether there is a password or not."""

    def __init__(self, passwords: Passwords, sealer: Sealer) -> None:
        self._passwords = passwords
        self._sealer = sealer

    def hash(self, password: SecretStr) -> str:
        """The hash of a password, for `seal`."""
        return self._passwords.hash(password.get_secret_value())

    def seal(self, password_hash: str, user_id: str) -> bytes:
        """A hash as the row of a user holds it."""
        return self._sealer.seal(password_hash, _associated(user_id))

    def proves(self, row: Item | None, password: SecretStr) -> bool:
        """Whether it is the password of a user's row. Raises `UnsealError` for a damaged row."""
        sealed = (row or {}).get("hash_sealed")
        known = self._sealer.open(sealed, _associated(str((row or {})["id"]))) if isinstance(sealed, bytes) else None
        return self._passwords.verify(known.reveal() if known else None, password.get_secret_value())


def _associated(user_id: str) -> str:
    return associated_data(PASSWORDS, user_id, "hash")
