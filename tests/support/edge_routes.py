"""Routes that exist for the tests of the edge only: one of every audience and shape."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge
from pydantic import BaseModel

from chalicelib.fleet.api.protocol import AGENT, METRICS, NEEDS_CAPACITY, OPERATOR, FromAgent
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.kit.errors import unauthorized
from chalicelib.kit.origin import Origin, current_origin
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import PUBLIC, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import Body, Int32, NoBody, NoPath, NoQuery, Path, Query, Uuid

routes = Endpoints(tag="Things")

THINGS_READ = Permission("things:read", KeyRole.VIEWER)
THINGS_WRITE = Permission("things:write", KeyRole.ADMIN)


class ThingPath(Path):
    thing_id: Uuid


class NamePath(Path):
    cluster_name: ClusterName


class ThingQuery(Query):
    page: Annotated[Int32, Ge(1)] = 1
    name: str | None = None


class ThingBody(Body):
    name: str
    size: Int32 = 1


class ThingOut(BaseModel):
    name: str
    size: int
    note: str | None


@dataclass
class Things:
    """Notes what reached the views, and fails on demand."""

    seen: list[Any] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    failure: Exception | None = None

    def visit(self, request: Any) -> None:
        self.seen.append(request)
        self.origins.append(current_origin())
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True)
class Node:
    id: str


@dataclass(frozen=True)
class Agent:
    node: Node


@dataclass
class Agents:
    """Identity and health of the nodes in one. Knows one token; notes the touches and the origin they were made
    under."""

    token: str = "node-token"
    touched: list[tuple[str, str]] = field(default_factory=list)

    @property
    def identity(self) -> "Agents":
        return self

    @property
    def health(self) -> "Agents":
        return self

    def authenticate(self, bearer: str, instance_id: str | None, *, leaves: bool = False) -> Agent:
        if bearer != self.token:
            raise unauthorized()
        return Agent(Node("0192e4a0-0000-7000-8000-000000000001"))

    def touch(self, agent: Agent) -> Agent:
        self.touched.append((agent.node.id, current_origin().actor))
        return agent


@dataclass(frozen=True)
class Numbers:
    page: int
    page_size: int
    total_count: int
    by_cursor: bool = False
    next_cursor: str | None = None
    indexing: bool = False


@routes.post(
    "/things/{thing_id}",
    auth=OPERATOR,
    permission=THINGS_WRITE,
    scope=Scope.INSTALLATION,
    audit="thing.change",
    answer=ThingOut,
    status=201,
    errors=(403, 404, 409, 422),
    guard=NEEDS_CAPACITY,
    summary="Make a thing",
)
def make_thing(request: Request[ThingPath, ThingQuery, ThingBody], services: Any) -> Created:
    shown = ThingOut(name=request.body.name, size=request.body.size, note=None)
    return request.once(
        lambda: services.things.visit(request),
        lambda _: Created(shown, location=f"/things/{request.path.thing_id}"),
    )


@routes.get(
    "/things",
    auth=OPERATOR,
    permission=THINGS_READ,
    scope=Scope.INSTALLATION,
    answer=ThingOut,
    paginated=True,
    summary="List things",
)
def list_things(request: Request[NoPath, ThingQuery, NoBody], services: Any) -> Paginated:
    services.things.visit(request)
    return Paginated([ThingOut(name="a", size=1, note=None)], Numbers(request.query.page, 1, 3))


@routes.delete(
    "/named/{cluster_name}",
    contract_path="/named/{cluster_name}",
    auth=OPERATOR,
    permission=THINGS_WRITE,
    scope=Scope.INSTALLATION,
    audit="thing.change",
    status=204,
    errors=(404,),
    summary="Drop by name",
)
def drop_named(request: Request[NamePath, NoQuery, NoBody], services: Any) -> NoContent:
    services.things.visit(request)
    return NoContent()


@routes.patch(
    "/things",
    auth=OPERATOR,
    permission=THINGS_WRITE,
    scope=Scope.INSTALLATION,
    audit="thing.change",
    body_required=False,
    answer=ThingOut,
    summary="Change all",
)
def change_things(request: Request[NoPath, NoQuery, ThingBody], services: Any) -> ThingOut:
    services.things.visit(request)
    return ThingOut(name=request.body.name, size=request.body.size, note=None)


@routes.post(
    "/agent/result",
    auth=AGENT,
    repeats="only noted",
    max_body_bytes=100,
    answer=ThingOut,
    errors=(404,),
    summary="Report",
)
def report(request: FromAgent[NoPath, NoQuery, ThingBody], services: Any) -> ThingOut:
    services.things.visit(request)
    return ThingOut(name=request.agent.node.id, size=request.body.size, note=None)


@routes.get(
    "/metrics", auth=METRICS, permission=THINGS_READ, scope=Scope.INSTALLATION, answer=ThingOut, summary="Figures"
)
def figures(request: Request[NoPath, NoQuery, NoBody], services: Any) -> ThingOut:
    services.things.visit(request)
    return ThingOut(name="figures", size=1, note=None)


@routes.post(
    "/public",
    auth=PUBLIC,
    repeats="only noted",
    answer=ThingOut,
    status=201,
    summary="Anyone",
)
def anyone(request: Request[NoPath, NoQuery, ThingBody], services: Any) -> ThingOut:
    services.things.visit(request)
    return ThingOut(name=request.bearer or "nobody", size=request.body.size, note=request.address)
