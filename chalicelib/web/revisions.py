"""Revisions of an API: publications of one version that differ where both cannot be served at once.

A request names its revision by the header `HEADER`; without it the setting API_REVISION counts, and otherwise the
protocol's first revision. An operation says under ``revised`` how it differs in a revision. Differences that can stand
side by side need no revision: second names are those of `spellings`, and further operations and fields are simply
there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.web.results import Answer, Created, Paginated

HEADER = "Edge-Api-Revision"

Recast = Callable[[EdgeError], EdgeError]


@dataclass(frozen=True, kw_only=True)
class Revised:
    """How an operation differs in a revision. ``status`` of its success, None for the same one; ``errors`` are further
    statuses; ``recast`` turns errors of these classes into those of the revision. ``answer`` is the revision's model of
    what is answered, and ``show`` makes it of the usual one; ``ask`` makes the usual query of the revision's."""

    status: int | None = None
    errors: Sequence[int] = ()
    recast: Mapping[type[EdgeError], Recast] = field(default_factory=dict)
    answer: type[BaseModel] | None = None
    show: Callable[[Any], BaseModel] | None = None
    ask: Callable[[Any], Any] | None = None

    def error(self, error: EdgeError) -> EdgeError:
        """The error as this revision has it."""
        recast = self.recast.get(type(error))
        return error if recast is None else recast(error)

    def query(self, query: Any) -> Any:
        """The query that the view gets."""
        return query if self.ask is None else self.ask(query)

    def shown(self, answer: Answer) -> Answer:
        """The answer of a view as this revision has it."""
        match answer:
            case _ if self.show is None:
                return answer
            case Paginated():
                return replace(answer, items=[self.show(item) for item in answer.items])
            case Created():
                return replace(answer, model=self.show(answer.model))
            case BaseModel():
                return self.show(answer)
            case _:
                return answer


SAME = Revised()
"""No difference."""


def chosen(sent: str | None, known: Sequence[str], usual: str) -> str:
    """The revision that a request is for, "" where there is only one. ``usual`` is that of the setting, "" for the
    first. Raises `EdgeError` (bad request) for an unknown one."""
    if not known:
        return ""
    if sent is None:
        return usual if usual in known else known[0]
    if sent not in known:
        raise bad_request({HEADER: [f"Unknown revision: {sent}. Allowed: {', '.join(known)}"]})
    return sent
