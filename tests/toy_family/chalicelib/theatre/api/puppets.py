"""Puppets, for directors."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel

from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.theatre.api.protocol import DIRECTOR
from chalicelib.theatre.permissions import PUPPETS_READ, PUPPETS_WRITE
from chalicelib.theatre.puppets.model import SORTABLE, Puppet, State
from chalicelib.theatre.wiring import Theatre
from chalicelib.web.endpoint import Created, Endpoints, Paginated, Request
from chalicelib.web.list_query import EnumFilter, ListQuery, OrderBy, ordering
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Puppets", auth=DIRECTOR, scope=Scope.INSTALLATION)

_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
_TIME = "2026-11-21T10:00:02Z"


class PuppetPath(Path):
    puppet_id: Annotated[Uuid, about("UUID of the puppet to return.", _ID)]


class PuppetListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    state: Annotated[EnumFilter[State], about("Only puppets in this state.")] = None


class PuppetCreate(Body):
    """A new puppet."""

    name: Annotated[str, MinLen(1), MaxLen(40), about("Name on the playbill.", "Kasper")]


class PuppetOut(BaseModel):
    """A puppet of the theatre."""

    id: Annotated[str, about("UUID of the puppet.", _ID, format="uuid")]
    name: Annotated[str, about("Name on the playbill.", "Kasper")]
    state: Annotated[State, about("`broken` until it has been repaired.", State.BROKEN)]
    inserted_at: Annotated[Timestamp, about("Time of creation.", _TIME)]
    updated_at: Annotated[Timestamp, about("Time of the last change.", _TIME)]


@routes.post(
    "/theatre/v1/puppets",
    permission=PUPPETS_WRITE,
    audit="puppet.create",
    answer=PuppetOut,
    status=201,
    summary="Create a puppet",
)
def create_puppet(request: Request[NoPath, NoQuery, PuppetCreate], services: Theatre) -> Created:
    """Creates a puppet. It is broken, and repaired in the background."""
    return request.once(lambda: services.puppets.create(request.body.name), lambda puppet: Created(_show(puppet)))


@routes.get(
    "/theatre/v1/puppets",
    permission=PUPPETS_READ,
    answer=PuppetOut,
    paginated=True,
    summary="List puppets",
)
def list_puppets(request: Request[NoPath, PuppetListQuery, NoBody], services: Theatre) -> Paginated:
    """Lists puppets, newest first unless ordered otherwise."""
    page = services.puppets.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(puppet) for puppet in page.items], page)


@routes.get(
    "/theatre/v1/puppets/{puppet_id}",
    permission=PUPPETS_READ,
    answer=PuppetOut,
    errors=(404,),
    summary="Get a puppet",
)
def get_puppet(request: Request[PuppetPath, NoQuery, NoBody], services: Theatre) -> PuppetOut:
    """Returns one puppet."""
    return _show(services.puppets.get(request.path.puppet_id))


def _show(puppet: Puppet) -> PuppetOut:
    return PuppetOut.model_validate(puppet.model_dump())
