"""Tags and pages of descriptions, for the drivers of volumes and snapshots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.cloud.compute.disk_errors import ERRORS
from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning.ec2_tags import (
    RESOURCE_TAG,
    STAGE_TAG,
    TENANT_TAG,
    filter_by,
    tags_for,
    tags_of,
)
from chalicelib.platform.provisioning.model import Resource, Tagged

Json = Mapping[str, Any]

PAGE = 1_000
"""The most things that one answer holds (EC2 API reference, DescribeVolumes, DescribeSnapshots)."""

FindResources = Callable[[str, Sequence[str]], Sequence[Resource]]
"""A tenant and ids of its resources -> those that are there."""


def specification(resource: Resource, stage: str, kind: str) -> list[Json]:
    """The ``TagSpecifications`` of a new thing, whose name is the id of its row."""
    named = {"Key": "Name", "Value": resource.id}
    return [{"ResourceType": kind, "Tags": [named, *tags_for(stage, resource.tenant, resource.id)]}]


def filters(stage: str, resource_ids: Sequence[str] | None = None) -> list[Json]:
    """Things of this installation; with ids, those of these resources."""
    found: list[Json] = [filter_by(f"tag:{STAGE_TAG}", [stage])]
    return found if resource_ids is None else [*found, filter_by(f"tag:{RESOURCE_TAG}", resource_ids)]


def described(call: Callable[..., Any], key: str, wanted: Sequence[Json], **more: Any) -> Iterator[Json]:
    """All things that fit, page by page. Raises `ProviderError`."""
    with ERRORS.sorted():
        following: dict[str, Any] = {}
        while True:
            page = call(Filters=wanted, MaxResults=PAGE, **more, **following)
            yield from page[key]
            if not page.get("NextToken"):
                return
            following = {"NextToken": page["NextToken"]}


def tagged(thing: Json, external_id: str, since: Any, zone: str = "") -> Tagged:
    """A thing that carries our tags."""
    tags = tags_of(thing)
    return Tagged(
        tenant=tags.get(TENANT_TAG, ""),
        resource_id=tags.get(RESOURCE_TAG, ""),
        external_id=external_id,
        since=to_seconds_text(since) if since else "",
        zone=zone,
    )
