"""AWS clients. The only place that imports boto3, and only when a client is asked for.

Region, credentials and endpoints come from the environment as boto3 reads it; ``AWS_ENDPOINT_URL`` points everything
at a local cloud.
"""

from functools import cache
from typing import Any

CONNECT_SECONDS = 2
READ_SECONDS = 10
ATTEMPTS = 3
"""boto3's standard mode: the first attempt and two repeats, with its own backoff. `kit.tables` repeats beyond that."""

POOL_CONNECTIONS = 16
"""As many as one function uses at once: `DynamoDriver.query_many` runs up to 16 queries."""


@cache
def client(service: str, endpoint_url: str | None = None) -> Any:
    """The container's one client of a service (safe to share between threads).

    ``endpoint_url`` is for services with an address of their own, as the management API of a WebSocket. Raises
    botocore's NoRegionError when the environment names no region.
    """
    import boto3  # noqa: PLC0415 - costs a cold start 0.1 s: whoever uses no AWS service does not pay for it
    from botocore.config import Config  # noqa: PLC0415 - as above

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=POOL_CONNECTIONS,
    )
    session: Any = boto3.session.Session()  # untyped: its stubs know only literal names of services
    return session.client(service, endpoint_url=endpoint_url, config=config)
