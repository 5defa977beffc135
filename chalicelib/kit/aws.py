"""AWS clients. The only place that makes them, and only when one is asked for.

Of the SDK only botocore is loaded: boto3 adds resources and transfers, which nothing here uses, and a tenth to the
time that a function takes to start. All clients share one session: with one each, every client parses the SDK's
tables of endpoints again and asks for credentials of its own.

Region, credentials and endpoints come from the environment as the SDK reads it; ``AWS_ENDPOINT_URL`` points everything
at a local cloud.
"""

import os
from functools import cache
from threading import Lock
from typing import Any

CONNECT_SECONDS = 2
READ_SECONDS = 10
ATTEMPTS = 3
"""The SDK's standard mode: the first attempt and two repeats, with its own pauses. `kit.tables` repeats beyond that."""

POOL_CONNECTIONS = 16
"""As many as one function uses at once: `DynamoDriver.query_many` runs up to 16 queries."""

CHECKED_BY_US = frozenset({"dynamodb"})
"""Services whose requests one module composes from typed values: for the SDK to walk through each of them once more is
a third of the processor time of a large transaction. What is wrong all the same, the service refuses."""


QUICK = frozenset({"secretsmanager"})
"""Services that are asked again and again on the way of a request, which goes on without an answer: it waits 6 s at
most."""

QUICK_SECONDS = 2
QUICK_ATTEMPTS = 2

_making = Lock()  # a session must not make two clients at once


@cache
def client(service: str, endpoint_url: str | None = None) -> Any:
    """The container's one client of a service (safe to share between threads).

    ``endpoint_url`` is for services with an address of their own, as the management API of a WebSocket. Raises
    botocore's NoRegionError when the environment names no region.
    """
    from botocore.config import Config  # noqa: PLC0415 - tools and tests that use no AWS service need not wait for it

    is_quick = service in QUICK
    config = Config(
        connect_timeout=1 if is_quick else CONNECT_SECONDS,
        read_timeout=QUICK_SECONDS if is_quick else READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": QUICK_ATTEMPTS if is_quick else ATTEMPTS},
        max_pool_connections=POOL_CONNECTIONS,
        parameter_validation=service not in CHECKED_BY_US,
        # A link that S3 takes in every region. The SDK still makes those of the earlier kind where it may.
        signature_version="s3v4" if service == "s3" else None,
    )
    with _making:
        return _session().create_client(service, endpoint_url=endpoint_url, config=config)


def is_local() -> bool:
    """Whether a local cloud stands in for AWS."""
    return bool(os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _session() -> Any:
    from botocore.session import Session  # noqa: PLC0415 - as above

    return Session()
