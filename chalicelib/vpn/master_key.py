"""Netmaker's master key: given for local runs and tests, else beside the operators' keys in the stage's secret."""

import json
from collections.abc import Callable

from pydantic import SecretStr

NAME = "NETMAKER_MASTER_KEY"
"""Its name in the environment and in the secret."""


class MissingNetmakerKeyError(Exception):
    """VPN_MODE is `netmaker` and there is no key to call it with."""

    def __init__(self) -> None:
        super().__init__(f"VPN_MODE is netmaker but no {NAME} is configured")


def load_master_key(given: SecretStr | None, secret_arn: str, read_secret: Callable[[str], str]) -> SecretStr:
    """The key that is given, else that of the secret, a JSON object. Raises `MissingNetmakerKeyError`, and what
    ``read_secret`` raises."""
    if given is not None:
        return given
    stored = json.loads(read_secret(secret_arn)).get(NAME) if secret_arn else None
    if not stored:
        raise MissingNetmakerKeyError
    return SecretStr(stored)
