"""A published API as one value: its protocol, its modules of routes, and the documents that are made of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from chalicelib.web.protocol import ApiProtocol

if TYPE_CHECKING:
    from chalicelib.web.description import Description, EventsDescription
    from chalicelib.web.endpoint import Endpoints
    from chalicelib.web.mcp.naming import Naming
    from chalicelib.web.operation import Endpoint

LOCAL_URL = "http://127.0.0.1:8080"
"""The address of `make up`, which stands in the committed documents."""

DOCS = FilePath("docs")
"""The folder of the copies for readers, relative to the project's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Api:
    """One published API. A family has one, or several if they differ in their protocols.

    ``services`` is the dotted name of the class of the family's container. ``modules`` are the dotted names of the
    modules of routes, in the order of the document; each has its `Endpoints` as ``routes``. ``folder`` holds the
    generated table of routes and the generated documents; ``published`` and ``published_events`` are the names of their
    copies in docs/. ``description`` and ``events`` are dotted names of a `Description` and an `EventsDescription`,
    which only the generators import; ``tools`` is that of a `Naming`, for an API with tools for assistants.
    ``prefixes`` are the paths below which this API answers requests that no operation matches. ``document_route`` is
    where it serves its OpenAPI document. ``prepare`` builds from the container the parts that most requests need,
    before the first one.
    """

    name: str
    services: str
    protocol: ApiProtocol
    modules: tuple[str, ...]
    folder: FilePath
    description: str
    published: str
    events: str = ""
    published_events: str = ""
    tools: str = ""
    prefixes: tuple[str, ...] = ("/",)
    document_route: str = ""
    prepare: Callable[[Any], object] | None = None

    @property
    def table(self) -> FilePath:
        """The table of routes: module to ``METHOD route`` of each of its operations."""
        return self.folder / "routes.json"

    @property
    def document(self) -> FilePath:
        """The OpenAPI document as it is packaged."""
        return self.folder / "openapi.json"

    @property
    def revisions_document(self) -> FilePath:
        """Revision -> how its document differs from that one, for an API with revisions (`json_patch`)."""
        return self.folder / "openapi-revisions.json"

    @property
    def events_document(self) -> FilePath:
        """The AsyncAPI document as it is packaged."""
        return self.folder / "asyncapi.json"

    @property
    def tools_document(self) -> FilePath:
        """The tools for assistants as they are packaged."""
        return self.folder / "tools.json"

    def groups(self) -> list["Endpoints"]:
        """The operations, module by module. Imports all modules: for documents and tests."""
        return [import_module(module).routes for module in self.modules]

    def endpoints(self) -> list["Endpoint"]:
        """The operations of all modules, as `groups`."""
        return [endpoint for group in self.groups() for endpoint in group.all]

    @cached_property
    def container_class(self) -> type[Any]:
        """The class of the container that its views get."""
        found: type[Any] = _imported(self.services)
        return found

    def describe(self) -> "Description":
        """Its description in the OpenAPI document."""
        described: Description = _imported(self.description)
        return described

    def describe_events(self) -> "EventsDescription":
        """Its description in the AsyncAPI document."""
        described: EventsDescription = _imported(self.events)
        return described

    def tool_naming(self) -> "Naming":
        """The names and hints of its tools for assistants."""
        naming: Naming = _imported(self.tools)
        return naming

    def table_text(self) -> str:
        """The content of the table of routes."""
        modules = zip(self.modules, self.groups(), strict=True)
        table = {module: [f"{one.method} {one.route}" for one in group.all] for module, group in modules}
        return json.dumps(table, indent=1) + "\n"


def _imported(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)
