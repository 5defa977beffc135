"""Creates the AWS clients, each on first use. No other module creates one.

Only botocore is loaded: boto3 adds resources and transfers, which nothing here uses, and a tenth to a function's start
time. All clients share one session: with a session each, every client would parse the SDK's endpoint tables and fetch
credentials again.

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
"""The most that one function uses at once: `DynamoDriver.query_many` runs up to 16 queries."""

CHECKED_BY_US = frozenset({"dynamodb"})
"""Services whose requests a single module composes from typed values. The SDK's own validation would take a third of
the processor time of a large transaction; the service rejects invalid requests anyway."""


QUICK = frozenset({"secretsmanager"})
"""Services that are called repeatedly within a request, which continues without their answer: it waits 6 s at most."""

QUICK_SECONDS = 2
QUICK_ATTEMPTS = 2

ASKED_ONCE = frozenset({"ec2"})
"""Services whose calls the SDK does not repeat. A repeat after a lost answer would make a second thing where the call
takes no token, and be refused where a name or a block is taken; who asks them repeats, once it has looked."""

_making = Lock()  # a session is not thread-safe while it creates a client


@cache
def client(service: str, endpoint_url: str | None = None) -> Any:
    """The container's one client of a service (safe to share between threads).

    ``endpoint_url`` is for services with an address of their own, such as the management API of a WebSocket. Raises
    `NoRegionError` (botocore) if the environment names no region.
    """
    from botocore.config import Config  # noqa: PLC0415 - tools and tests that use no AWS service need not wait for it

    is_quick = service in QUICK
    attempts = QUICK_ATTEMPTS if is_quick else ATTEMPTS
    config = Config(
        connect_timeout=1 if is_quick else CONNECT_SECONDS,
        read_timeout=QUICK_SECONDS if is_quick else READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1 if service in ASKED_ONCE else attempts},
        max_pool_connections=POOL_CONNECTIONS,
        parameter_validation=service not in CHECKED_BY_US,
        **(_links() if service == "s3" else {}),
    )
    with _making:
        return _session().create_client(service, endpoint_url=endpoint_url, config=config)


def _links() -> dict[str, Any]:
    """Signed links to S3 that hold in every region. By default the SDK signs some by version 2, and names the host of
    us-east-1, which regions opened since 2019 refuse, and which redirects to the others while a bucket is new: the link
    is signed for its host (S3 user guide, "Request routing")."""
    links: dict[str, Any] = {"signature_version": "s3v4"}
    return links if is_local() else {**links, "s3": {"addressing_style": "virtual"}}


def is_local() -> bool:
    """Whether a local cloud stands in for AWS."""
    return bool(os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _session() -> Any:
    from botocore.session import Session  # noqa: PLC0415 - as above

    return Session()
