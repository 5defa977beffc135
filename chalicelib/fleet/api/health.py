"""Health checks for probes, and the description of the API for readers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, RootModel

from chalicelib.fleet.api import API
from chalicelib.fleet.api.protocol import Revision
from chalicelib.kit.fields import about
from chalicelib.web import published
from chalicelib.web.checks import CheckResult, HealthServices, recent_checks
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.endpoint import OPEN, PUBLIC, Bare, Endpoints, Request
from chalicelib.web.rendering import to_json
from chalicelib.web.validation import NoBody, NoPath, NoQuery, NotNull, OneOf, Query
from chalicelib.web.version import VERSION

routes = Endpoints(tag="Health")


class Alive(BaseModel):
    """The answer of a running process."""

    status: Annotated[str, about("Always `ok`.", "ok")]
    version: Annotated[str, about("Version of this software.", VERSION)]


class CheckResults(RootModel[list[CheckResult]]):
    """One entry for each check, in a fixed order."""


class Document(RootModel[dict[str, object]]):
    """An OpenAPI 3.0 document."""

    model_config = ConfigDict(json_schema_extra={"example": {"openapi": "3.0.3", "info": {}, "paths": {}}})


class DocumentQuery(Query):
    revision: Annotated[
        OneOf[Revision] | None,
        NotNull("string"),
        about("The API as this revision has it; without it the document tells what is answered in any revision."),
    ] = None


@routes.get("/livez", auth=OPEN, answer=Alive, enveloped=False, summary="Check that the process runs")
def livez(_request: Request[NoPath, NoQuery, NoBody], _services: EdgeServices) -> Bare:
    """Answers as long as the process runs; checks nothing else."""
    return _alive()


@routes.get("/ping", auth=OPEN, answer=Alive, enveloped=False, summary="Check that the process runs")
def ping(_request: Request[NoPath, NoQuery, NoBody], _services: EdgeServices) -> Bare:
    """The same as `/livez`."""
    return _alive()


@routes.get(
    "/healthz",
    auth=PUBLIC,
    answer=CheckResults,
    enveloped=False,
    errors=(503,),
    summary="Check the parts that the API depends on",
)
def healthz(_request: Request[NoPath, NoQuery, NoBody], services: HealthServices) -> Bare:
    """Checks the parts that the API depends on, and answers with 503 if one of them does not work. Results are reused
    for five seconds."""
    return _checked(services)


@routes.get(
    "/readyz",
    auth=PUBLIC,
    answer=CheckResults,
    enveloped=False,
    errors=(503,),
    summary="Check the parts that the API depends on",
)
def readyz(_request: Request[NoPath, NoQuery, NoBody], services: HealthServices) -> Bare:
    """The same as `/healthz`."""
    return _checked(services)


@routes.get(
    "/api/openapi",
    auth=PUBLIC,
    answer=Document,
    enveloped=False,
    errors=(304, 404),
    summary="Get the OpenAPI document",
)
def openapi(request: Request[NoPath, DocumentQuery, NoBody], services: EdgeServices) -> Bare:
    """Returns this description of the API, with the address of this installation. May be cached for five minutes
    (ETag). Answers 404 if the setting API_DOCS_ENABLED is off."""
    settings = services.platform.settings
    published.check_enabled(settings)
    return published.openapi(API, settings.public_url, request.query.revision or "")


def _alive() -> Bare:
    return Bare(to_json(Alive(status="ok", version=VERSION).model_dump()))


def _checked(services: HealthServices) -> Bare:
    results = recent_checks(services)
    text = to_json([result.model_dump() for result in results])
    return Bare(text, 200 if all(result.healthy for result in results) else 503)
