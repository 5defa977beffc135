"""Keys in the keyring of the system, if the library `keyring` is installed and finds one."""

from typing import Any

from edgectl.errors import CliError

SERVICE = "edgectl"


def is_usable() -> bool:
    """Whether there is a keyring that keeps keys."""
    library = _library()
    return library is not None and library.get_keyring().priority > 0


def store(profile: str, key: str) -> None:
    """Raises `CliError` if there is no keyring, or if it refuses."""
    library = _library()
    if library is None:
        raise CliError("there is no keyring: pipx inject edge-admin-serverless-cli keyring, or --no-keyring")
    try:
        library.set_password(SERVICE, profile, key)
    except library.errors.KeyringError as error:
        raise CliError(f"the keyring does not take the key ({error or type(error).__name__}): --no-keyring") from error


def read(profile: str) -> str:
    """Raises `CliError` if the key cannot be read, or is gone."""
    library = _library()
    if library is None:
        raise CliError("the key is in the keyring, which needs: pipx inject edge-admin-serverless-cli keyring")
    try:
        key = library.get_password(SERVICE, profile)
    except library.errors.KeyringError as error:
        raise CliError(f"the keyring does not give the key: {error or type(error).__name__}") from error
    if key is None:
        raise CliError(f"the keyring has no key of the profile {profile!r}: edgectl login")
    return str(key)


def forget(profile: str) -> None:
    """Remove a key, if it is there and the keyring can be reached."""
    library = _library()
    if library is not None:
        try:
            library.delete_password(SERVICE, profile)
        except library.errors.KeyringError:
            return


def _library() -> Any:
    try:
        import keyring  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return keyring
