"""Sets the keys of a stage from variables such as DEPLOY_API_KEY. The prefix keeps another product's API_KEY in the
shell, or the MASTER_KEY of a local run, from changing anything. Without such a variable a deployment does not even read
the stage's secret. Keys change as with ``python -m infra.rotate``.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.platform.access.keys import SHORTEST_KEY
from infra.parameters import SECRET_KEYS
from infra.rotate import OVERLAP, rotate_operator_key

PREFIX = "DEPLOY_"


def given_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The keys that a deployer gives, by their names in the secret. Raises ValueError, without the value, for one that
    is too short or could not be sent in a header."""
    given = {name: environment[PREFIX + name] for name in SECRET_KEYS if environment.get(PREFIX + name)}
    for name, value in given.items():
        if len(value) < SHORTEST_KEY:
            raise ValueError(
                f"{PREFIX}{name} has {len(value)} characters, and needs {SHORTEST_KEY}: openssl rand -hex 32 makes one"
            )
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError(f"{PREFIX}{name} has characters that no header can carry: letters, digits and marks only")
    return given


def changed_keys(secrets: Any, secret: str, given: Mapping[str, str]) -> list[str]:
    """The names of the keys whose value in the secret differs or is missing."""
    if not given:
        return []
    current = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
    return sorted(name for name, value in given.items() if current.get(name) != value)


def set_keys(secrets: Any, secret: str, given: Mapping[str, str], now: datetime) -> None:
    """Set the new values of these keys. The previous values are accepted for a while."""
    for name in changed_keys(secrets, secret, given):
        rotate_operator_key(secrets, secret, name, given[name], now, OVERLAP)
