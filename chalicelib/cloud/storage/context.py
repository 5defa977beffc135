"""Declares the context `storage`: the kind of resource that a bucket is, its tables, the permissions of functions."""

from datetime import timedelta
from typing import Any

from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.rules import drifted
from chalicelib.cloud.storage.upload_store import UPLOADS, empty_chunk
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task
from chalicelib.platform.provisioning.ports import Kind


def _empty(cloud: Any, message: Message) -> str | None:
    """Remove the rows of a deleted tenant."""
    return empty_chunk(cloud.platform.tables.scoped(message["id"]), message.get("cursor"))


BUCKETS = Kind(
    name=BUCKET,
    driver=lambda cloud: cloud.storage.driver,
    # S3 deletes a thousand objects a call: a bucket of tens of millions takes hours.
    delete_within=timedelta(days=1),
    wait_seconds=1.0,
    longest_wait_seconds=15.0,
    drifted=drifted,
)
"""A bucket at S3."""

CONTEXT = Context(
    name="storage",
    tables=(UPLOADS,),
    kinds=(BUCKETS,),
    tasks={TENANT_GONE: Task(_empty)},
    grants={
        "cloud_api": Grants(
            tables={
                "uploads": GET | PUT | DELETE,
                "resources": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "claims": GET | QUERY | PUT,
                "quotas": UPDATE,
            },
            keeps_objects=True,
        ),
        "provision": Grants(makes_buckets=True),
        "report_strangers": Grants(finds_buckets=True),
        "clean_up": Grants(tables={"uploads": QUERY | DELETE}),
    },
)
