"""Declares the context `storage`: the kind of resource that a bucket is, its tables, the permissions of functions."""

from datetime import timedelta

from chalicelib.cloud.gone import TENANT_GONE, emptying
from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.rules import drifted
from chalicelib.cloud.storage.upload_store import UPLOADS, empty_chunk
from chalicelib.cloud.storage.usage import charge_of
from chalicelib.platform.context import (
    BATCH_GET,
    DELETE,
    GET,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    ScheduleSource,
)
from chalicelib.platform.provisioning.ports import Kind

BUCKETS = Kind(
    name=BUCKET,
    driver=lambda cloud: cloud.storage.driver,
    # S3 deletes a thousand objects a call: a bucket of tens of millions takes hours.
    delete_within=timedelta(days=1),
    wait_seconds=1.0,
    longest_wait_seconds=15.0,
    drifted=drifted,
    charge_of=charge_of,
)
"""A bucket at S3."""

CONTEXT = Context(
    name="storage",
    tables=(UPLOADS,),
    kinds=(BUCKETS,),
    functions=(
        # An account has ten thousand buckets: twenty calls of CloudWatch, and a write for each that has changed.
        Function(
            "measure_usage",
            "chalicelib.cloud.workers.measure_usage.handler",
            ScheduleSource(timedelta(days=1)),
            900,
            loads="provisioning quotas storage",
        ),
    ),
    tasks={TENANT_GONE: emptying(empty_chunk)},
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
        "report_strangers": Grants(tables={"resources": QUERY}, finds_buckets=True),
        "measure_usage": Grants(
            tables={"resources": GET | BATCH_GET | QUERY | UPDATE, "quotas": UPDATE}, reads_metrics=True
        ),
        "clean_up": Grants(tables={"uploads": QUERY | DELETE}),
    },
)
