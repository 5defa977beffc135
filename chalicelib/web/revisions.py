"""Revisions of an API: publications of one version that differ where both cannot be served at once.

A request names its revision by the header `HEADER`; without it the protocol's first revision counts. An operation says
under ``revised`` how it differs in a later one. Differences that can stand side by side need no revision: second names
are those of `spellings`, and further operations and fields are simply there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.kit.errors import EdgeError, bad_request

HEADER = "Edge-Api-Revision"

Recast = Callable[[EdgeError], EdgeError]


@dataclass(frozen=True, kw_only=True)
class Revised:
    """How an operation differs in a revision. ``status`` of its success, None for the same one; ``errors`` are further
    statuses; ``recast`` turns errors of these classes into those of the revision."""

    status: int | None = None
    errors: Sequence[int] = ()
    recast: Mapping[type[EdgeError], Recast] = field(default_factory=dict)

    def error(self, error: EdgeError) -> EdgeError:
        """The error as this revision has it."""
        recast = self.recast.get(type(error))
        return error if recast is None else recast(error)


SAME = Revised()
"""No difference."""


def chosen(sent: str | None, known: Sequence[str]) -> str:
    """The revision that a request is for, "" where there is only one. Raises `EdgeError` (bad request) for an unknown
    one."""
    if not known:
        return ""
    if sent is None:
        return known[0]
    if sent not in known:
        raise bad_request({HEADER: [f"Unknown revision: {sent}. Allowed: {', '.join(known)}"]})
    return sent
