"""The tags of all things that this installation has at EC2. The worker's rights are bound to the first."""

from collections.abc import Mapping, Sequence
from typing import Any

STAGE_TAG = "edge-admin:stage"
TENANT_TAG = "edge-admin:tenant"
RESOURCE_TAG = "edge-admin:resource"
"""The installation, the tenant, the resource."""


def stage_of(table_prefix: str) -> str:
    """The value of the stage's tag, which the permissions name too: the prefix of the tables, ``edge-admin-prod``."""
    return table_prefix.rstrip("-")


def tags_for(stage: str, tenant: str, resource_id: str) -> list[dict[str, str]]:
    """The tags of a thing, as requests have them."""
    given = {STAGE_TAG: stage, TENANT_TAG: tenant, RESOURCE_TAG: resource_id}
    return [{"Key": key, "Value": value} for key, value in given.items()]


def tags_of(thing: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a thing that EC2 describes."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in thing.get("Tags", ())}


def filter_by(name: str, values: Sequence[str]) -> dict[str, Any]:
    """A filter of a Describe call."""
    return {"Name": name, "Values": list(values)}
