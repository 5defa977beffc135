"""Which targeting is refused."""

from chalicelib.kit.queues import body_bytes
from chalicelib.targeting.model import Targeting, TargetType

TARGETING_LIMIT_BYTES = 200 * 1024
"""Bytes of targeting as it is queued: 2,000 ids and 2,000 names fit, and with a command's text the row stays below
400 KB."""


def wrong_with(wanted: Targeting) -> dict[str, list[str]]:
    """Field -> what is wrong with it, for a 422; empty for targeting that can be."""
    details: dict[str, list[str]] = {}
    if wanted.type is TargetType.NODES and not wanted.node_ids:
        details["node_ids"] = ["is required when targeting_type is 'nodes'"]
    if wanted.type is TargetType.CLUSTERS and not wanted.cluster_names:
        details["cluster_names"] = ["is required when targeting_type is 'clusters'"]
    if body_bytes(wanted.model_dump(mode="json", exclude_none=True)) > TARGETING_LIMIT_BYTES:
        details["targeting"] = [f"should be at most {TARGETING_LIMIT_BYTES} byte(s)"]
    return details
