"""Sets in the local cloud what its templates do not: keys of operators, and what the emulator reads of no template."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.kit.tables.schema import Table


def expire_rows(dynamodb: Any, tables: Iterable[Table], prefix: str) -> None:
    """Set the TTL attributes: the emulator ignores those of a template. ``prefix`` stands before the tables' names."""
    for table in tables:
        if table.expires_at is not None:
            specification = {"Enabled": True, "AttributeName": table.expires_at}
            dynamodb.update_time_to_live(TableName=f"{prefix}{table.name}", TimeToLiveSpecification=specification)


def set_keys(secrets_manager: Any, secret: str, keys: Mapping[str, str]) -> None:
    """Write the operators' keys into the stage's secret, which a deployment on AWS makes by itself."""
    secrets_manager.put_secret_value(SecretId=secret, SecretString=json.dumps(keys))
