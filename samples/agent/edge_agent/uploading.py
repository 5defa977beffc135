from collections.abc import Mapping
from urllib.parse import urlsplit

from edge_agent.backoff import Backoff
from edge_agent.errors import NetworkError, RefusedError, UnavailableError
from edge_agent.ports.clock import Clock
from edge_agent.ports.network import Network, RequestLimits

# Each piece of the content has as long as a connection.
LIMITS = RequestLimits(connect_seconds=20.0, read_seconds=60.0, total_seconds=300.0, size_bytes=1024 * 1024)
ATTEMPTS = 6
PASSING = frozenset({408, 429})


async def upload(
    url: str,
    content: bytes,
    network: Network,
    clock: Clock,
    backoff: Backoff,
    *,
    headers: Mapping[str, str] | None = None,
) -> None:
    """PUT the content to a presigned URL, which is a secret and stands in no error. `headers` are those that its
    signature covers.

    Retried after errors that may pass. Raises `UnavailableError` after `ATTEMPTS`, `RefusedError` if the store refuses,
    as after the URL has expired.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            await clock.sleep(backoff.next_seconds())
        try:
            # Without further headers: the URL's signature may cover those that are sent.
            response = await network.request("PUT", url, headers=headers or {}, body=content, limits=LIMITS)
        except NetworkError as error:
            reason = str(error)
            continue
        if response.status < 300:  # noqa: PLR2004
            return
        reason = f"{host}: status {response.status}"
        if response.status < 500 and response.status not in PASSING:  # noqa: PLR2004
            raise RefusedError(reason)
    raise UnavailableError(f"{reason}, {ATTEMPTS} times")
