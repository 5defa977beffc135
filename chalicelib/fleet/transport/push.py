"""HTTP push to agents that the functions can reach over the network.

The address comes from the node's own registration and lies in a private network on purpose, so the guard for outbound
addresses does not apply. Only the status of an answer is read.
"""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from chalicelib.kit.outbound import Caller, NoAnswerError, UrlRefusedError, unguarded

TIMEOUT_SECONDS = 2.0
"""The timeout for name resolution, connection and answer together. Less than the reference system's 10 s: a batch of
ten messages to silent agents must end within the worker's 30 s. An agent that answers later loses nothing: it is asked
again, or polls."""


class PushOutcome(Enum):
    """``TAKEN`` also stands for a request without an answer: the agent may have it, and must not get it twice.
    ``UNREACHED``: no connection came about, so the agent does not have it."""

    TAKEN = auto()
    REFUSED = auto()
    UNREACHED = auto()


_ACCEPTED = range(200, 300)
_DUPLICATE = 422  # the agent already has it: an earlier answer was lost


@dataclass(frozen=True)
class PushAddress:
    """The address of an agent's push API, and the token for it."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"PushAddress({self.url!r})"


class Push:
    """Makes single attempts. An unreachable agent is not an error: it gets the work with its next poll."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def execute(self, address: PushAddress, execution: dict[str, Any]) -> bool:
        """Push one execution; True if the agent has it now."""
        status = self._call("POST", f"{address.url}/api/v1/command_executions", address.token, execution)
        return status in _ACCEPTED or status == _DUPLICATE

    def cancel(self, address: PushAddress, execution_id: str) -> bool:
        """Ask the agent to cancel; True if it accepted the request."""
        status = self._call("PATCH", f"{address.url}/api/v1/command_executions/{execution_id}/cancel", address.token)
        return status in _ACCEPTED

    def update(self, address: PushAddress) -> PushOutcome:
        """Trigger an update; an agent that does not allow updates refuses."""
        try:
            status = self._request("POST", f"{address.url}/api/v1/self_updates/trigger", address.token)
        except NoAnswerError as error:
            return PushOutcome.TAKEN if error.may_have_arrived else PushOutcome.UNREACHED
        except UrlRefusedError:
            return PushOutcome.UNREACHED
        return PushOutcome.TAKEN if status in _ACCEPTED else PushOutcome.REFUSED

    def _call(self, method: str, url: str, token: str, body: dict[str, Any] | None = None) -> int | None:
        """The answer's status; None when there was no answer."""
        try:
            return self._request(method, url, token, body)
        except (NoAnswerError, UrlRefusedError):
            return None

    def _request(self, method: str, url: str, token: str, body: dict[str, Any] | None = None) -> int:
        """The answer's status. Raises `NoAnswerError` and `UrlRefusedError` as `Outbound.send` does."""
        headers = {"authorization": f"Bearer {token}"}
        if body is None:
            return self._caller.send(method, url, headers).status
        headers["content-type"] = "application/json"
        return self._caller.send(method, url, headers, json.dumps(body).encode()).status


def push_over_http() -> Push:
    """Over real connections."""
    return Push(unguarded(total_seconds=TIMEOUT_SECONDS, answer_bytes=0))
