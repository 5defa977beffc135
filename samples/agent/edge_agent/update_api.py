from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from edge_agent.errors import UnavailableError
from edge_agent.http_client import Answer
from edge_agent.session import Session
from edge_agent.times import parse_time

OK_STATUS = 200
# The server refuses the report, or does not know the route: repeating it would change nothing.
REPORT_SETTLED = frozenset({200, 400, 403, 404, 409, 422})
LARGEST_BUNDLE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class UpdateRequest:
    """A request to update. `id` None: the server wants no report. `version` None: the current version."""

    requested_at: datetime
    id: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Offer:
    """A link to the bundle of a version, and its digest and size."""

    version: str
    sha256: str
    size_bytes: int
    url: str = field(repr=False)


class NoOfferError(Exception):
    """The server has no such version for this machine. The text is the server's."""


class UpdateApi:
    """The API of agent updates. Each call raises `UnavailableError` if it may be repeated."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def newest(self) -> UpdateRequest | None:
        """The newest request for this node to update itself; None if there is none."""
        answer = await self._session.call("GET", "/agents/self_updates/check")
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the question was refused: {answer.problem}")
        if answer.fields.get("including_me") is not True:
            return None
        try:
            requested_at = parse_time(answer.fields["inserted_at"])
        except (KeyError, TypeError, ValueError) as error:
            raise UnavailableError("the request's time cannot be read") from error
        return UpdateRequest(requested_at, _text(answer, "request_id"), _text(answer, "version"))

    async def offer(self, architecture: str, version: str | None) -> Offer:
        """The bundle of a version for an architecture. Raises `NoOfferError` if repeating would not help."""
        query = {"architecture": architecture} | ({"version": version} if version else {})
        answer = await self._session.call("GET", "/agents/bundle", query=query)
        if answer.status != OK_STATUS:
            raise NoOfferError(answer.problem)
        found: dict[str, Any] = {name: answer.fields.get(name) for name in ("version", "sha256", "size", "url")}
        size = found["size"]
        texts = [found[name] for name in ("version", "sha256", "url")]
        if not all(isinstance(text, str) and text for text in texts) or not isinstance(size, int):
            raise NoOfferError("the server's answer cannot be read")
        if not 0 < size <= LARGEST_BUNDLE_BYTES:
            raise NoOfferError(f"the server offers {size} bytes, more than {LARGEST_BUNDLE_BYTES}")
        return Offer(found["version"], found["sha256"], size, found["url"])

    async def download(self, offer: Offer, target: PurePath) -> None:
        """Save a bundle. Raises OSError, as for a full disk."""
        await self._session.download(offer.url, target, offer.size_bytes)

    async def report(self, request_id: str, status: str, version: str, reason: str | None) -> None:
        """Report the outcome of a request, `updated` or `failed`, and the version that runs now."""
        body = {"status": status, "version": version, "reason": reason}
        answer = await self._session.call("PATCH", f"/agents/self_updates/{request_id}/outcome", body=body)
        if answer.status not in REPORT_SETTLED:
            raise UnavailableError(f"the outcome was refused: {answer.problem}")


def _text(answer: Answer, name: str) -> str | None:
    value = answer.fields.get(name)
    return value if isinstance(value, str) and value else None
