"""Which targeting is refused by itself, whatever exists."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import at_most_bytes
from chalicelib.kit.queues import body_bytes

TARGETING_LIMIT_BYTES = 200 * 1024
"""Bytes of targeting as it is queued: 2,000 ids and 2,000 names fit, and with a command's text the row stays below
400 KB."""


def wrong_with(wanted: Targeting) -> dict[str, list[str]]:
    """Field -> what is wrong with it, for a 422; empty for targeting that can be."""
    details: dict[str, list[str]] = {}
    if wanted.type is TargetType.NODES and not wanted.node_ids:
        details["node_ids"] = [required_for(wanted.type)]
    if wanted.type is TargetType.CLUSTERS and not wanted.cluster_names:
        details["cluster_names"] = [required_for(wanted.type)]
    details |= dict(_unused_lists(wanted))
    for field in ("node_filters", "cluster_filters"):
        details |= dict(_empty_texts(field, getattr(wanted, field) or {}))
    if body_bytes(wanted.model_dump(mode="json", exclude_none=True)) > TARGETING_LIMIT_BYTES:
        details["targeting"] = [at_most_bytes(TARGETING_LIMIT_BYTES)]
    return details


def required_for(kind: TargetType) -> str:
    """The refusal of targeting without the list that its type needs."""
    return f"is required when targeting_type is '{kind}'"


def _unused_lists(wanted: Targeting) -> Iterator[tuple[str, list[str]]]:
    """Lists that this type does not look at: a request that seems narrow and is not."""
    for field, used_by in (("node_ids", TargetType.NODES), ("cluster_names", TargetType.CLUSTERS)):
        if getattr(wanted, field) and wanted.type is not used_by:
            yield (
                f"targeting/{field}",
                [f"is not looked at when type is '{wanted.type}': leave it out, or use type '{used_by}'"],
            )


def _empty_texts(field: str, filters: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Text filters without a value, as an unset variable leaves them. A list ignores an empty filter; here that would
    widen the selection."""
    for name, value in filters.items():
        if isinstance(value, str) and not any(part.strip() for part in value.split(",")):
            yield (
                f"targeting/{field}/{name}",
                [f"{value!r} names no value: leave the filter out to reach any, or name the values wanted"],
            )
