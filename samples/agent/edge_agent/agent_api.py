import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from edge_agent.clock import format_time, parse_time
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.http_client import Answer
from edge_agent.journal import Result, Work
from edge_agent.session import Session

PAGE_SIZE = 100
LONGEST_TIMEOUT_MS = 100 * 365 * 86400 * 1000
OK_STATUS = 200
TAKEN = frozenset({200, 201})
ACKNOWLEDGE_REFUSED = frozenset({404, 409})
RESULT_REFUSED = frozenset({404, 409, 422})


class Delivery(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True)
class Listed:
    work: Work
    cancel_requested: bool
    inserted_at: datetime | None = None


@dataclass(frozen=True)
class Page:
    items: tuple[Listed, ...]
    has_next: bool


class AgentApi:
    """The operations of the agent API. Each raises UnavailableError when it may be repeated later."""

    def __init__(self, session: Session, log: EventLog) -> None:
        self._session = session
        self._log = log

    async def page(self, status: str, number: int) -> Page:
        """A page of this node's executions in one status, oldest first. Items that cannot be read are left out."""
        query = {"status": status, "page": number, "page_size": PAGE_SIZE}
        answer = await self._session.call("GET", "/agents/command_executions", query=query)
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the list of executions was refused: {answer.problem}")
        if not isinstance(answer.data, list):
            raise UnavailableError("the list of executions cannot be read")
        return Page(tuple(self._readable(answer.data)), _has_next(answer.body))

    async def pages(self, status: str) -> AsyncIterator[Page]:
        number = 1
        while True:
            page = await self.page(status, number)
            yield page
            if not page.has_next:
                return
            number += 1

    async def acknowledge(self, execution_id: str) -> bool:
        """Take a pending execution. False: it is not pending (any more)."""
        answer = await self._session.call("PATCH", f"/agents/command_executions/{execution_id}/acknowledge")
        if answer.status in ACKNOWLEDGE_REFUSED:
            return False
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the acknowledgement was refused: {answer.problem}")
        _check_subject(answer, execution_id)
        return True

    async def report(self, execution_id: str, result: Result, output: str) -> Delivery:
        body: dict[str, Any] = {"status": result.status, "completed_at": result.completed_at}
        if result.exit_code is not None:
            body |= {"exit_code": result.exit_code, "output": output}
        answer = await self._session.call("PATCH", f"/agents/command_executions/{execution_id}/result", body=body)
        if answer.status in RESULT_REFUSED:
            return Delivery.REFUSED
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the result was not taken: {answer.problem}")
        _check_subject(answer, execution_id)
        return Delivery.ACCEPTED

    async def report_health(self, status: str) -> None:
        answer = await self._session.call("PATCH", "/agents/nodes/me/health_check", body={"status": status})
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the health report was refused: {answer.problem}")

    async def verify_login(self, username: str, *, password: str | None, public_key: str | None) -> bool:
        """Whether the server lets this user in by what it presents: one of the two."""
        presented = {"password": password} if public_key is None else {"public_key": public_key}
        body = {"username": username, **presented}
        answer = await self._session.call("POST", "/agents/ssh_usernames/verify_credentials", body=body)
        # What the server's rules refuse (400, 422) can be nobody's.
        return answer.status == OK_STATUS and answer.fields.get("verified") is True

    async def push_metrics(self, metrics_type: str, text: str) -> None:
        body = {"metrics_type": metrics_type, "metrics_text": text}
        answer = await self._session.call("POST", "/agents/metrics/push", body=body)
        if answer.status not in TAKEN:
            raise UnavailableError(f"the metrics were refused: {answer.problem}")

    async def register_alias(self, name: str) -> Answer:
        """Any answer: a refusal may be for good, as for a name that is taken."""
        return await self._session.call("POST", "/agents/aliases", body={"name": name})

    def _readable(self, items: list[Any]) -> list[Listed]:
        readable = []
        for item in items:
            try:
                readable.append(_parse_listed(item))
            except ValueError as error:
                self._log.write("execution.unreadable", reason=str(error))
        return readable


def _check_subject(answer: Answer, execution_id: str) -> None:
    """Raises UnavailableError for an answer that is not about this execution: it does not come from the server."""
    if str(answer.fields.get("id")).lower() != execution_id.lower():
        raise UnavailableError("the answer is about something else")


def _has_next(body: Mapping[str, Any]) -> bool:
    part: Any = body
    for name in ("meta", "pagination", "has_next"):
        part = part.get(name) if isinstance(part, dict) else None
    return part is True


def _parse_listed(item: Any) -> Listed:
    if not isinstance(item, dict):
        raise ValueError("an execution is no object")  # noqa: TRY004 - the one error of a bad item
    inserted_at = item.get("inserted_at")
    return Listed(
        parse_work(item),
        item.get("cancel_requested_at") is not None,
        parse_time(inserted_at) if isinstance(inserted_at, str) else None,
    )


def parse_work(item: Mapping[str, Any]) -> Work:
    """An execution as the server writes it. Raises ValueError naming the first field that is not as it should be."""
    for name in ("id", "command_id", "command_text"):
        if not isinstance(item.get(name), str):
            raise ValueError(f"{name} is no text")  # noqa: TRY004 - the one error of a bad item
    timeout_ms = item.get("timeout")
    if timeout_ms is not None and not _is_number_of_milliseconds(timeout_ms):
        raise ValueError("timeout is no number of milliseconds")
    expired_at = item.get("expired_at")
    if expired_at is not None:
        if not isinstance(expired_at, str):
            raise ValueError("expired_at is no time")
        expired_at = format_time(parse_time(expired_at))
    # The id becomes a file name: only a UUID in its plain form may.
    return Work(str(uuid.UUID(item["id"])), item["command_id"], item["command_text"], timeout_ms, expired_at)


def _is_number_of_milliseconds(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_TIMEOUT_MS
