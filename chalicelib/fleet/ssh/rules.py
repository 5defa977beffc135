"""The rules for keys, for presented credentials, and for the number of failed attempts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.fleet.ssh.model import KEY_NAME_MAX_LENGTH, KEYS_MAX, AuthMethod, Credential, NewKey
from chalicelib.kit.allowance import Allowance
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import BLANK, EdgeError, Kind, at_most_bytes, at_most_characters, conflict, invalid, taken
from chalicelib.kit.openssh import BadKeyError, ParsedKey, parse

KEY_MAX_BYTES = 4096
"""UTF-8 bytes of a key's line. The longest that OpenSSH takes, RSA with 16,384 bits, has 2,752 without its comment."""

_TOO_LONG_NAME = at_most_characters(KEY_NAME_MAX_LENGTH)
_TOO_LONG_KEY = at_most_bytes(KEY_MAX_BYTES)


@dataclass(frozen=True)
class CheckedKey:
    """A key that may be stored."""

    key_name: str
    public_key: str
    fingerprint: str


def check_key(new: NewKey) -> CheckedKey:
    """Raises `EdgeError` (validation failed) with what is wrong with each field."""
    parsed, problems = _look_at(new)
    if parsed is None:
        details = {field: [text] for field, text in problems}
        raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", details)
    return CheckedKey(new.key_name, new.public_key, parsed.fingerprint)


def check_keys(keys: Sequence[NewKey]) -> list[CheckedKey]:
    """Raises `EdgeError` (validation failed) with all problems of all keys, numbered from 0; (conflict) for a name that
    comes twice."""
    checked: list[CheckedKey] = []
    texts: list[str] = []
    for index, new in enumerate(keys):
        parsed, problems = _look_at(new)
        texts += [f"key {index}: {field} {text}" for field, text in problems]
        if parsed is not None:
            checked.append(CheckedKey(new.key_name, new.public_key, parsed.fingerprint))
    if texts:
        raise EdgeError(Kind.VALIDATION_FAILED, "Validation failed", {"public_keys": texts})
    if len({key.key_name for key in checked}) < len(checked):
        raise taken("key_name")
    return checked


def too_many_keys() -> EdgeError:
    """The conflict about one key more than a user name may have."""
    return conflict(f"username has reached its limit of {KEYS_MAX} public keys")


def one_group_only() -> EdgeError:
    """The refusal of a user of no group, or of two."""
    return invalid("base", "exactly one of cluster_name and label should be given")


def one_person_only() -> EdgeError:
    """The refusal of a revocation that names no person, or two."""
    return invalid("base", "exactly one of username and fingerprint should be given")


def credential_of(username: str, password: str | None, public_key: str | None) -> Credential:
    """The presented credential; an empty text counts as absent. Raises `EdgeError` (validation failed) unless there is
    exactly one."""
    if password and public_key:
        raise invalid("base", "only one of password or public_key should be provided")
    if password:
        return Credential(username, AuthMethod.PASSWORD, Secret(password))
    if public_key:
        return Credential(username, AuthMethod.PUBLIC_KEY, Secret(public_key))
    raise invalid("base", "either password or public_key must be provided")


ALLOWANCES = {
    # Each guess costs a function a quarter of a second of hashing, and guessing is what this is for.
    AuthMethod.PASSWORD: Allowance(burst=10, milliseconds_each=6000),
    # Keys cannot be guessed. But clients offer all their keys, one after the other, before the right one.
    AuthMethod.PUBLIC_KEY: Allowance(burst=60, milliseconds_each=1000),
}
"""The allowances for failed attempts at a node, by kind of credential, so that guessing passwords does not lock out
keys."""


def _look_at(new: NewKey) -> tuple[ParsedKey | None, list[tuple[str, str]]]:
    """The parsed key if nothing is wrong, and each wrong field with what is."""
    problems: list[tuple[str, str]] = []
    parsed: ParsedKey | None = None
    if not new.key_name.strip():
        problems.append(("key_name", BLANK))
    elif len(new.key_name) > KEY_NAME_MAX_LENGTH:
        problems.append(("key_name", _TOO_LONG_NAME))
    if not new.public_key.strip():
        problems.append(("public_key", BLANK))
    elif len(new.public_key.encode()) > KEY_MAX_BYTES:
        problems.append(("public_key", _TOO_LONG_KEY))
    else:
        try:
            parsed = parse(new.public_key)
        except BadKeyError as error:
            problems.append(("public_key", error.text))
    return (None if problems else parsed), problems
