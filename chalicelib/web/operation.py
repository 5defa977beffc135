"""An operation as data: what it is called, who may call it, what it takes and answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Required, TypedDict, get_args

from pydantic import BaseModel

from chalicelib.platform.access.keys import Auth
from chalicelib.web.json_body import DEFAULT_MAX_BODY_BYTES
from chalicelib.web.results import Answer
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Query


class Options(TypedDict, total=False):
    """What a decorator may be told; the fields of `Endpoint` of the same names."""

    auth: Required[Auth]
    summary: Required[str]
    path: type[Path]
    query: type[Query]
    body: type[Body]
    body_required: bool
    max_body_bytes: int
    answer: type[BaseModel] | None
    paginated: bool
    enveloped: bool
    media_type: str
    status: int
    errors: Sequence[int]
    blocked_when_degraded: bool
    contract_path: str
    documented: bool


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One operation. ``route`` is what API Gateway matches; ``contract_path``, if given, what the document shows.

    ``answer`` is the model of ``data`` (of each item, if ``paginated``; of the whole, if not ``enveloped``), None for
    204. ``errors`` are the statuses that the view itself may cause; those of the edge are documented by themselves.
    ``media_type`` is set where the view answers `PlainText`; there is no model then.
    """

    method: str
    route: str
    view: Callable[[Any, Any], Answer]
    tag: str
    auth: Auth
    summary: str
    path: type[Path] = NoPath
    query: type[Query] = NoQuery
    body: type[Body] = NoBody
    body_required: bool = True
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    answer: type[BaseModel] | None = None
    paginated: bool = False
    enveloped: bool = True
    media_type: str = ""
    status: int = 200
    errors: Sequence[int] = ()
    blocked_when_degraded: bool = False
    contract_path: str = ""
    documented: bool = True

    def __post_init__(self) -> None:
        """Raises TypeError where the models are not those of the view's ``Request[...]`` annotation."""
        annotation = next(iter(self.view.__annotations__.values()), None)
        models = (self.path, self.query, self.body)
        if annotation is not None and not isinstance(annotation, str) and get_args(annotation) != models:
            raise TypeError(f"{self.view.__qualname__}: declared with {models}, but takes {annotation}")

    @property
    def has_body(self) -> bool:
        return self.body is not NoBody

    @property
    def shown_path(self) -> str:
        """The path in the published document."""
        return self.contract_path or self.route

    @cached_property
    def shown_names(self) -> dict[str, str]:
        """Path variables as the view calls them -> as callers know them.

        They differ where API Gateway, which wants one name at each level of paths, forbids the document's name.
        """
        return dict(zip(_variables(self.route), _variables(self.shown_path), strict=True))


def _variables(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]
