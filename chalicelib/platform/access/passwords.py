"""Passwords as Argon2id hashes in PHC form. The library is imported when a password is first used."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSES = 3
MEMORY_KIB = 65_536
LANES = 1
"""Passes and memory are those of the second recommended option of RFC 9106 section 4 and of the reference, so is the
work of one check. One lane, since the function has less than one processor: more would only take turns."""

HASH_BYTES = 32
SALT_BYTES = 16

_NOBODYS_HASH = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${'A' * 22}${'A' * 43}"
"""The hash of no password: salt and hash are zeros. A check against it takes as long as any other."""


class Passwords(Protocol):
    """Hashes passwords and checks them."""

    def hash(self, password: str) -> str:
        """The hash to store for a password."""
        ...

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``stored`` was made of this password. With None the answer is no, after the same time."""
        ...


class Argon2Passwords:
    """`Passwords` on argon2-cffi. ``random_bytes`` draws salts."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes

    def hash(self, password: str) -> str:
        return self._hasher.hash(password, salt=self._random_bytes(SALT_BYTES))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password matches. Raises `InvalidHashError` (argon2) for a damaged row."""
        from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415 - see the module's text

        try:
            matches = self._hasher.verify(stored or _NOBODYS_HASH, password)
        except VerifyMismatchError:
            return False
        return matches and stored is not None

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher, Type  # noqa: PLC0415 - see the module's text

        return PasswordHasher(PASSES, MEMORY_KIB, LANES, HASH_BYTES, SALT_BYTES, type=Type.ID)
