"""Commands, as operators give them."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, MaxLen, MinLen
from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from chalicelib.api.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.api.list_query import (
    BoolFilter,
    CountFilter,
    DateFilter,
    EnumFilter,
    ListQuery,
    PositiveFilter,
    TextFilter,
)
from chalicelib.api.operator.page_bytes import check_page
from chalicelib.api.problems import problems, wrong_type
from chalicelib.api.validation import Body, DateTime, Int32, NoBody, NoPath, NoQuery, Path, Uuid
from chalicelib.bootstrap import Services
from chalicelib.commands.model import Command, NewCommand, Targeting, TargetType
from chalicelib.commands.service import SORTABLE

MOST_TARGETS = 2000
"""Node ids or cluster names in one command; `all` and filters serve more."""

Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A stored time in an answer: seconds text."""

routes = Endpoints(tag="Commands.Command")


def _not_null(value: object) -> object:
    """A filter object that silently vanished would widen what a command runs on."""
    if value is None:
        raise problems(wrong_type("object", None))
    return value


class NodeFilters(Body):
    """The filters of the list of nodes."""

    id_type: EnumFilter[Literal["persistent", "random"]] = None
    status: EnumFilter[Literal["healthy", "unhealthy", "unreachable"]] = None
    cluster_name: TextFilter = None
    version: TextFilter = None
    self_update_enabled: BoolFilter = None
    last_seen_at__gte: DateFilter = None
    last_seen_at__lte: DateFilter = None
    inserted_at__gte: DateFilter = None
    inserted_at__lte: DateFilter = None
    updated_at__gte: DateFilter = None
    updated_at__lte: DateFilter = None


class ClusterFilters(Body):
    """The filters of the list of clusters that targeting knows."""

    name: TextFilter = None
    ipv4_range: TextFilter = None
    node_count: CountFilter = None
    node_count__gte: CountFilter = None
    node_count__lte: CountFilter = None
    has_node_limit: BoolFilter = None
    inserted_at__gte: DateFilter = None
    inserted_at__lte: DateFilter = None
    updated_at__gte: DateFilter = None
    updated_at__lte: DateFilter = None


class TargetingIn(Body):
    """Whom the command is for."""

    type: Literal["all", "nodes", "clusters"]
    node_ids: Annotated[tuple[Uuid, ...], MaxLen(MOST_TARGETS)] = ()
    cluster_names: Annotated[tuple[str, ...], MaxLen(MOST_TARGETS)] = ()
    node_filters: Annotated[NodeFilters | None, BeforeValidator(_not_null)] = None
    cluster_filters: Annotated[ClusterFilters | None, BeforeValidator(_not_null)] = None

    def to_targeting(self) -> Targeting:
        """The same, with what was not given left out."""
        return Targeting(
            type=TargetType(self.type),
            node_ids=self.node_ids if "node_ids" in self.model_fields_set else None,
            cluster_names=self.cluster_names if "cluster_names" in self.model_fields_set else None,
            node_filters=_given(self.node_filters),
            cluster_filters=_given(self.cluster_filters),
        )


class CommandCreate(Body):
    """A new command. ``timeout`` is in milliseconds; ``expired_at`` is its deadline."""

    command_text: Annotated[str, MinLen(1)]
    timeout: Annotated[Int32, Ge(1)] | None = None
    expired_at: DateTime | None = None
    targeting: TargetingIn


class CommandPath(Path):
    command_id: Uuid


class CommandListQuery(ListQuery):
    command_text: TextFilter = None
    has_timeout: BoolFilter = None
    timeout__gte: PositiveFilter = None
    timeout__lte: PositiveFilter = None
    has_expired_at: BoolFilter = None
    expired_at__gte: DateFilter = None
    expired_at__lte: DateFilter = None


class CommandOut(BaseModel):
    """A command."""

    id: str
    command_text: str
    timeout: int | None
    expired_at: Timestamp | None
    targeting: dict[str, Any]
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.post(
    "/api/v1/commands",
    auth=OPERATOR,
    body=CommandCreate,
    answer=CommandOut,
    status=201,
    errors=(422,),
    summary="Run a command on nodes",
)
def create_command(request: Request[NoPath, NoQuery, CommandCreate], services: Services) -> Created:
    body = request.body
    command = services.commands.create(
        NewCommand(body.command_text, body.targeting.to_targeting(), body.timeout, body.expired_at)
    )
    return Created(_show(command), location=f"/api/v1/commands/{command.id}")


@routes.get(
    "/api/v1/commands",
    auth=OPERATOR,
    query=CommandListQuery,
    answer=CommandOut,
    paginated=True,
    summary="List commands",
)
def list_commands(request: Request[NoPath, CommandListQuery, NoBody], services: Services) -> Paginated:
    page = services.commands.list_page(request.query.to_request(SORTABLE))
    shown = [_show(command) for command in page.items]
    check_page(sum(len(command.model_dump_json().encode()) for command in shown))
    return Paginated(shown, page)


@routes.get(
    "/api/v1/commands/{command_id}",
    contract_path="/api/v1/commands/{id}",
    auth=OPERATOR,
    path=CommandPath,
    answer=CommandOut,
    errors=(404,),
    summary="Get a command",
)
def get_command(request: Request[CommandPath, NoQuery, NoBody], services: Services) -> CommandOut:
    return _show(services.commands.get(request.path.command_id))


@routes.delete(
    "/api/v1/commands/{command_id}",
    contract_path="/api/v1/commands/{id}",
    auth=OPERATOR,
    path=CommandPath,
    status=204,
    errors=(404, 409),
    summary="Delete a command and its executions",
)
def delete_command(request: Request[CommandPath, NoQuery, NoBody], services: Services) -> NoContent:
    services.commands.delete(request.path.command_id)
    return NoContent()


def _given(filters: Body | None) -> dict[str, Any] | None:
    return None if filters is None else filters.model_dump(exclude_none=True)


def _show(command: Command) -> CommandOut:
    return CommandOut(
        id=command.id,
        command_text=command.command_text,
        timeout=command.timeout,
        expired_at=command.expired_at,
        targeting=command.targeting.model_dump(mode="json", exclude_none=True),
        inserted_at=command.inserted_at,
        updated_at=command.updated_at,
    )
