import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge_agent.errors import RefusedError, UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.http_client import Answer
from edge_agent.journal import Result, Work
from edge_agent.secure_urls import keeps_secrets
from edge_agent.session import Session
from edge_agent.times import format_time, parse_time

PAGE_SIZES = (100, 25, 5, 1)
LONGEST_TIMEOUT_MS = 100 * 365 * 86400 * 1000
OK_STATUS = 200
TAKEN = frozenset({200, 201})
ACKNOWLEDGE_REFUSED = frozenset({404, 409})
CLAIM_UNKNOWN = frozenset({404, 405})
ENVIRONMENT_REFUSED = frozenset({403, 404, 409})
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESULT_REFUSED = frozenset({404, 409, 422})


@dataclass(frozen=True)
class ListedExecution:
    work: Work
    cancel_requested: bool
    inserted_at: datetime | None = None


@dataclass(frozen=True)
class Claim:
    """The executions that this agent was given, and those that have ended or do not exist. The server says that others
    were given before."""

    given: frozenset[str]
    over: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """The server's decision about a login. `checked_at` is when it looked; None from a server that does not tell."""

    verified: bool
    checked_at: str | None


@dataclass(frozen=True)
class Page:
    """A page of a list. ``shown`` counts its items, with unreadable ones; the server shows fewer than were asked for
    where they would be too large together. ``has_next``: the list goes on."""

    items: tuple[ListedExecution, ...]
    shown: int
    has_next: bool


@dataclass(frozen=True)
class PagePosition:
    """A position in a list: a page of that number, counted from 1, where each has ``size`` items."""

    number: int = 1
    size: int = PAGE_SIZES[0]

    def after(self, page: Page) -> "PagePosition":
        """The position that follows the items of this page. The items that a shortened one left out are on smaller
        pages, the first of which may repeat some; larger ones follow."""
        is_short = page.shown < self.size
        if is_short and self.size > PAGE_SIZES[-1]:
            size = PAGE_SIZES[PAGE_SIZES.index(self.size) + 1]
            return PagePosition(((self.number - 1) * self.size + page.shown) // size + 1, size)
        seen = self.number * self.size
        larger = PAGE_SIZES[max(PAGE_SIZES.index(self.size) - 1, 0)]
        size = self.size if seen % larger else larger
        return PagePosition(seen // size + 1, size)


@dataclass(frozen=True)
class StoredOutput:
    """An output that was too long for its result: its bytes, and the SHA-256 of the upload that holds it, None if that
    did not arrive."""

    size_bytes: int
    ref: str | None


@dataclass(frozen=True)
class UploadTarget:
    """The destination of one upload. Its URL is a secret."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class AgentApi:
    """The operations of the agent API. Each raises `UnavailableError` if it may be repeated later."""

    def __init__(self, session: Session, log: EventLog) -> None:
        self._session = session
        self._log = log

    async def page(self, status: str, position: PagePosition) -> Page:
        """A page of this node's executions in one status, oldest first. Unreadable items are left out."""
        query = {"status": status, "page": position.number, "page_size": position.size}
        answer = await self._session.call("GET", "/agents/command_executions", query=query)
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the list of executions was refused: {answer.problem}")
        if not isinstance(answer.data, list):
            raise UnavailableError("the list of executions cannot be read")
        return Page(tuple(self._readable(answer.data)), len(answer.data), _has_next(answer.body))

    async def pages(self, status: str) -> AsyncIterator[Page]:
        """All pages of a list. Items may come twice."""
        position = PagePosition()
        while True:
            page = await self.page(status, position)
            yield page
            if not page.has_next:
                return
            position = position.after(page)

    async def acknowledge(self, execution_id: str) -> bool:
        """Acknowledge a pending execution. False if it is not pending."""
        answer = await self._session.call("PATCH", f"/agents/command_executions/{execution_id}/acknowledge")
        if answer.status in ACKNOWLEDGE_REFUSED:
            return False
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the acknowledgement was refused: {answer.problem}")
        _check_subject(answer, execution_id)
        return True

    async def claim(self, execution_ids: Sequence[str]) -> Claim | None:
        """Acknowledge several executions. None if the server has no such operation."""
        body = {"ids": list(execution_ids)}
        answer = await self._session.call("PATCH", "/agents/command_executions/acknowledge", body=body)
        if answer.status in CLAIM_UNKNOWN:
            return None
        given, refused = answer.fields.get("acknowledged"), answer.fields.get("refused")
        if answer.status != OK_STATUS or not isinstance(given, list) or not isinstance(refused, list):
            raise UnavailableError(f"the acknowledgements were refused: {answer.problem}")
        over = {each.get("id") for each in refused if isinstance(each, dict) and each.get("status") != "sent"}
        return Claim(frozenset(execution_ids).intersection(given), frozenset(execution_ids).intersection(over))

    async def output_upload(self, execution_id: str, size_bytes: int, sha256: str) -> UploadTarget | None:
        """Get a destination for the compressed output of an execution. None if the server takes no upload: an early
        one, one without a store, or for an execution that takes no result any more."""
        body = {"size": size_bytes, "sha256": sha256}
        answer = await self._session.call("POST", f"/agents/command_executions/{execution_id}/output", body=body)
        if answer.status not in TAKEN:
            return None
        url, headers = answer.fields.get("url"), answer.fields.get("headers")
        if not isinstance(url, str) or not keeps_secrets(url) or not isinstance(headers, dict):
            return None
        return UploadTarget(url, {str(name): str(value) for name, value in headers.items()})

    async def environment(self, execution_id: str) -> dict[str, str]:
        """The secrets of an execution by the names of variables. Raises `RefusedError` if it gets none."""
        answer = await self._session.call("GET", f"/agents/command_executions/{execution_id}/environment")
        if answer.status in ENVIRONMENT_REFUSED:
            raise RefusedError(f"its secrets were refused: {answer.problem}")
        values = answer.fields.get("environment")
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the secrets were not given: {answer.problem}")
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise UnavailableError("the secrets cannot be read")
        return values

    async def report(self, execution_id: str, result: Result, output: str, stored: StoredOutput | None = None) -> bool:
        """Report a result, and with it a stored output. False if the server refuses it for good."""
        body: dict[str, Any] = {"status": result.status, "completed_at": result.completed_at}
        if result.exit_code is not None:
            body |= {"exit_code": result.exit_code, "output": output}
        if stored is not None:
            body |= {"output_size": stored.size_bytes, **({} if stored.ref is None else {"output_ref": stored.ref})}
        answer = await self._session.call("PATCH", f"/agents/command_executions/{execution_id}/result", body=body)
        if answer.status in RESULT_REFUSED:
            return False
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the result was not taken: {answer.problem}")
        _check_subject(answer, execution_id)
        return True

    async def report_health(self, status: str, facts: Mapping[str, Any] | None = None) -> None:
        """Report a status, and the facts of the machine if they have changed."""
        body = {"status": status, **({} if facts is None else {"facts": facts})}
        answer = await self._session.call("PATCH", "/agents/nodes/me/health_check", body=body)
        if answer.status != OK_STATUS:
            raise UnavailableError(f"the health report was refused: {answer.problem}")

    async def verify_login(self, username: str, *, password: str | None, public_key: str | None) -> Verdict:
        """Whether the server accepts a user's password or public key; one of the two is given."""
        presented = {"password": password} if public_key is None else {"public_key": public_key}
        body = {"username": username, **presented}
        answer = await self._session.call("POST", "/agents/ssh_usernames/verify_credentials", body=body)
        # Credentials that fail the server's validation (400, 422) belong to no user.
        checked_at = answer.fields.get("checked_at")
        return Verdict(
            verified=answer.status == OK_STATUS and answer.fields.get("verified") is True,
            checked_at=checked_at if isinstance(checked_at, str) else None,
        )

    async def ended_logins(self, sessions: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """The ids of the open sessions that have to end."""
        answer = await self._session.call(
            "POST", "/agents/ssh_usernames/check_sessions", body={"sessions": list(sessions)}
        )
        ended = answer.fields.get("ended")
        if answer.status != OK_STATUS or not isinstance(ended, list):
            raise UnavailableError(f"the check of open sessions was refused: {answer.problem}")
        return frozenset(str(each) for each in ended)

    async def push_metrics(self, metrics_type: str, text: str) -> None:
        body = {"metrics_type": metrics_type, "metrics_text": text}
        answer = await self._session.call("POST", "/agents/metrics/push", body=body)
        if answer.status not in TAKEN:
            raise UnavailableError(f"the metrics were refused: {answer.problem}")

    async def tell_diagnostics(self, report: Mapping[str, Any]) -> None:
        answer = await self._session.call("POST", "/agents/diagnostics", body=dict(report))
        if answer.status not in TAKEN:
            raise UnavailableError(f"the diagnostic report was refused: {answer.problem}")

    async def register_alias(self, name: str) -> Answer:
        """Return the answer whatever its status: a refusal may be final, as for a name that is taken."""
        return await self._session.call("POST", "/agents/aliases", body={"name": name})

    def _readable(self, items: list[Any]) -> list[ListedExecution]:
        return readable(items, self._log)


def readable(items: list[Any], log: EventLog) -> list[ListedExecution]:
    """The executions of a list or a wake-up, without those that cannot be read."""
    found = []
    for item in items:
        try:
            found.append(_parse_listed(item))
        except ValueError as error:
            log.write("execution.unreadable", reason=str(error))
    return found


def _check_subject(answer: Answer, execution_id: str) -> None:
    """Raise `UnavailableError` if the answer is about another execution: it does not come from the server."""
    if str(answer.fields.get("id")).lower() != execution_id.lower():
        raise UnavailableError("the answer is about another execution")


def _has_next(body: Mapping[str, Any]) -> bool:
    part: Any = body
    for name in ("meta", "pagination", "has_next"):
        part = part.get(name) if isinstance(part, dict) else None
    return part is True


def _parse_listed(item: Any) -> ListedExecution:
    if not isinstance(item, dict):
        raise ValueError("an execution is no object")  # noqa: TRY004 - callers handle one error type
    inserted_at = item.get("inserted_at")
    return ListedExecution(
        parse_work(item),
        item.get("cancel_requested_at") is not None,
        parse_time(inserted_at) if isinstance(inserted_at, str) else None,
    )


def parse_work(item: Mapping[str, Any]) -> Work:
    """Parse an execution of the API. Raises ValueError, which names the first invalid field."""
    for name in ("id", "command_id", "command_text"):
        if not isinstance(item.get(name), str):
            raise ValueError(f"{name} is no text")  # noqa: TRY004 - callers handle one error type
    timeout_ms = item.get("timeout")
    if timeout_ms is not None and not _is_number_of_milliseconds(timeout_ms):
        raise ValueError("timeout is no number of milliseconds")
    expired_at = item.get("expired_at")
    if expired_at is not None:
        if not isinstance(expired_at, str):
            raise ValueError("expired_at is no time")
        expired_at = format_time(parse_time(expired_at))
    # The id becomes a file name, so it must be a UUID in canonical form.
    execution_id = str(uuid.UUID(item["id"]))
    names = _variables_of(item.get("secret_variables", []))
    return Work(execution_id, item["command_id"], item["command_text"], timeout_ms, expired_at, names)


def _variables_of(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) and VARIABLE.fullmatch(name) for name in names):
        raise ValueError("secret_variables are no names of variables")
    return tuple(names)


def _is_number_of_milliseconds(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_TIMEOUT_MS
