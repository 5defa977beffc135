"""The texts and shapes of published documents that belong to one API. Only the generators import this."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError
from chalicelib.web.openapi_schema import Schema
from chalicelib.web.operation import Endpoint


@dataclass(frozen=True, kw_only=True)
class Description:
    """An API in its OpenAPI document.

    ``tags`` maps the names of groups of operations to their descriptions. ``server`` is the address in the committed
    document. ``schemas`` are components beside the models'; ``error`` is the schema of an error's body, ``errors`` hold
    an example of each kind of error, ``error_headers`` the header objects of every error. ``wrapped`` gives the schema
    and the example of an answer's body for those of its result; the example may be `NO_EXAMPLE`. ``is_newer``: the
    document is OpenAPI 3.1, not 3.0.
    """

    title: str
    version: str
    text: str
    tags: Mapping[str, str]
    server: str
    server_text: str
    error: Schema
    errors: Sequence[EdgeError]
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    error_headers: Mapping[str, Any] = field(default_factory=dict)
    wrapped: Callable[[Endpoint, Schema, Any], tuple[Schema, Any]] = lambda _endpoint, schema, example: (
        schema,
        example,
    )
    is_newer: bool = False


class PublishedEvent(Protocol):
    """An event of the catalogue: when it happens, the model of its data, and the fields of the composed example to
    replace."""

    @property
    def summary(self) -> str: ...
    @property
    def data(self) -> type[BaseModel]: ...
    @property
    def example(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class EventsDescription:
    """The events of a family in their AsyncAPI document.

    ``source`` is that of every envelope. ``events`` has the events by type, in the order of the document. ``prefix`` is
    left out in the names of messages. ``example`` is an envelope, into which type and data of each event are put.
    """

    title: str
    version: str
    text: str
    servers: Mapping[str, Schema]
    source: str
    prefix: str
    events: Mapping[str, PublishedEvent]
    example: Mapping[str, Any]


LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}

EXAMPLE_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
EXAMPLE_TIME = "2026-11-21T10:00:02.250000Z"
"""Request id and time in examples of answers."""
