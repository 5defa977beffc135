"""Netmaker's master key: given for local runs and tests, else beside the operators' keys in the stage's secret."""

from collections.abc import Mapping

from pydantic import SecretStr

NAME = "NETMAKER_MASTER_KEY"
"""Its name in the environment and in the secret."""


class MissingNetmakerKeyError(Exception):
    """VPN_MODE is `netmaker` and there is no key to call it with."""

    def __init__(self) -> None:
        super().__init__(f"VPN_MODE is netmaker but no {NAME} is configured")


def master_key_of(values: Mapping[str, str]) -> SecretStr:
    """The key among those of the stage's secret. Raises `MissingNetmakerKeyError`."""
    stored = values.get(NAME)
    if not stored:
        raise MissingNetmakerKeyError
    return SecretStr(stored)
