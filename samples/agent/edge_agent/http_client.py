import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode, urlsplit

from edge_agent import __version__
from edge_agent.errors import NetworkError, UnavailableError
from edge_agent.ports.disk import Disk
from edge_agent.ports.network import Network, RequestLimits
from edge_agent.times import ServerTime

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0  # a cold server takes 2 to 4 s
# No answer of the server is larger.
ANSWER_LIMITS = RequestLimits(CONNECT_SECONDS, READ_SECONDS, total_seconds=60.0, size_bytes=32 * 1024 * 1024)
DOWNLOAD_SECONDS = 1800.0
LONGEST_RETRY_AFTER_SECONDS = 3600.0
TOO_MANY_REQUESTS = 429
INSTANCE_HEADER = "x-edge-instance"


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    retry_after_seconds: float | None = None
    server: str = ""
    """The address that `ask` had it from."""

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def fields(self) -> Mapping[str, Any]:
        """The data if it is an object, else an empty mapping."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def code(self) -> str:
        """The machine-readable code of a refusal; "" if it has none."""
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) else ""

    @property
    def problem_fields(self) -> frozenset[str]:
        """The names of the fields that a refusal names as invalid."""
        error = self.body.get("error")
        details = error.get("details") if isinstance(error, dict) else None
        return frozenset(details) if isinstance(details, dict) else frozenset()

    @property
    def problem(self) -> str:
        """The server's description of a refusal, for people."""
        error = self.body.get("error")
        if not isinstance(error, dict):
            return f"status {self.status}"
        details = f" {json.dumps(error['details'])}" if error.get("details") else ""
        return f"status {self.status}: {error.get('message')}{details}"


class HttpClient:
    """Speaks JSON over HTTP in the envelope of the API.

    Requests may be sent twice, so each must be idempotent; those of the agent are. Redirects are not followed: a token
    is sent only to the server that issued it.
    """

    def __init__(self, *, network: Network, server_time: ServerTime, instance_id: str) -> None:
        """`instance_id` tells the server this process from another one that has the same token."""
        self._network = network
        self._server_time = server_time
        self._instance_id = instance_id

    async def request(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """Send one request and return the server's answer, regardless of its status. Raises `NetworkError` if there is
        none, and if something else has answered, as a proxy or a captive portal does with any status."""
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": f"edge-agent/{__version__}",
            INSTANCE_HEADER: self._instance_id,
        }
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        # Not escaped to ASCII, since the limit of an output's size is in bytes. Lone surrogates become "?".
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode(errors="replace")
        target = f"{url}?{urlencode(query)}" if query else url
        response = await self._network.request(method, target, headers=headers, body=content, limits=ANSWER_LIMITS)
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError):
            answer = None
        if not _is_from_server(response.status, answer):
            if response.status < 500 and response.status != TOO_MANY_REQUESTS:  # noqa: PLR2004
                raise NetworkError(
                    f"{urlsplit(url).netloc}: the answer with status {response.status} is not the server's"
                )
            answer = {}
        meta = answer.get("meta")
        if isinstance(meta, dict) and isinstance(meta.get("timestamp"), str):
            self._server_time.learn(meta["timestamp"])
        return Answer(response.status, answer, _retry_after(response.headers.get("retry-after")))

    async def download(self, url: str, target: PurePath, size_bytes: int, disk: Disk) -> None:
        """Save the content at a URL, without a token, if it has the promised size.

        Raises `NetworkError`, and OSError, as for a full disk.
        """
        limits = RequestLimits(CONNECT_SECONDS, READ_SECONDS, DOWNLOAD_SECONDS, size_bytes=size_bytes + 1)
        wrong_size = NetworkError(f"{urlsplit(url).netloc}: not the {size_bytes} bytes that were promised")
        saved = 0
        file = disk.open(target, truncate=True)

        def save(piece: bytes) -> None:
            nonlocal saved
            saved += len(piece)
            if saved > size_bytes:
                raise wrong_size
            file.append(piece)

        try:
            await self._network.download(url, limits, save)
        finally:
            file.close()
        if saved != size_bytes:
            raise wrong_size


async def ask(client: HttpClient, admin_urls: Sequence[str], method: str, path: str, **options: Any) -> Answer:
    """Ask the servers in turn and return the first answer. `path` is relative to `/api/v1`.

    A server that is unreachable or answers 5xx is skipped. Raises `UnavailableError` if all were, or on 429.
    """
    reasons = []
    retry_after_seconds = None
    for url in admin_urls:
        try:
            answer = await client.request(method, f"{url.rstrip('/')}/api/v1{path}", **options)
        except NetworkError as error:
            reasons.append(str(error))
            continue
        if answer.status == TOO_MANY_REQUESTS:
            raise UnavailableError(answer.problem, answer.retry_after_seconds)
        if answer.status < 500:  # noqa: PLR2004
            return replace(answer, server=url)
        reasons.append(answer.problem)
        retry_after_seconds = answer.retry_after_seconds
    raise UnavailableError("; ".join(reasons), retry_after_seconds)


def _is_from_server(status: int, answer: Any) -> bool:
    """Whether an answer is in the envelope of the API: data, or an error with its code."""
    if not isinstance(answer, dict):
        return False
    if status < 400:  # noqa: PLR2004
        return "data" in answer
    error = answer.get("error")
    return isinstance(error, dict) and isinstance(error.get("code"), str)


def _retry_after(value: str | None) -> float | None:
    """Parse the header, in seconds; a date would need synchronised clocks, and the server never sends one. At most an
    hour, so that no answer can silence a machine for ever."""
    if value is None or not (value.isascii() and value.isdecimal()):
        return None
    return min(float(value[:10]), LONGEST_RETRY_AFTER_SECONDS)
