"""The routes that tell what an API offers: its OpenAPI document, and the list of the APIs of an installation."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, RootModel

from chalicelib import families
from chalicelib.kit.fields import about
from chalicelib.settings import Settings
from chalicelib.web import published
from chalicelib.web.api import Api
from chalicelib.web.caching import PUBLISHED_HEADERS
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.endpoint import PUBLIC, Bare, Endpoints, Request
from chalicelib.web.rendering import to_json
from chalicelib.web.validation import NoBody, NoPath, NoQuery
from chalicelib.web.version import VERSION

Nothing = Request[NoPath, NoQuery, NoBody]


class NewerDocument(RootModel[dict[str, object]]):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(json_schema_extra={"example": {"openapi": "3.1.1", "info": {}, "paths": {}}})


class ServedApi(BaseModel):
    """A published API."""

    name: Annotated[str, about("Name of the API, as in the title of its document.", "Compute")]
    prefixes: Annotated[list[str], about("Beginnings of the paths of its operations.", ["/api/compute"])]
    openapi: Annotated[
        str | None,
        about(
            "Where its OpenAPI document is; null if the address of its host is not known here.",
            "https://machines.example.com/api/compute/v1/openapi.json",
        ),
    ]


class ServedFamily(BaseModel):
    """APIs that share a host."""

    name: Annotated[str, about("Name of the family, as for `make deploy FAMILIES=`.", "machines")]
    url: Annotated[
        str | None,
        about(
            "Address of its host; null if neither this host serves it nor the setting FAMILY_URLS names it.",
            "https://machines.example.com",
        ),
    ]
    apis: Annotated[list[ServedApi], about("Its APIs.")]


class Installation(BaseModel):
    """The APIs of an installation."""

    service: Annotated[str, about("Always `edge-admin-serverless`.", "edge-admin-serverless")]
    version: Annotated[str, about("Version of the software of this host.", VERSION)]
    families: Annotated[list[ServedFamily], about("The families of the installation, the first of which is the core.")]


def declare_document(routes: Endpoints, api: Api, name: str) -> None:
    """Declare the operation of that name which serves the OpenAPI 3.1 document of an API."""

    def show(_request: Nothing, services: EdgeServices) -> Bare:
        """Returns this description of the API, with the address of this installation. May be cached for five minutes
        (ETag). Answers 404 if the setting API_DOCS_ENABLED is off."""
        settings = services.platform.settings
        published.check_enabled(settings)
        return published.openapi(api, settings.public_url)

    show.__name__ = name
    routes.get(
        api.document_route,
        auth=PUBLIC,
        answer=NewerDocument,
        enveloped=False,
        errors=(304, 404),
        summary="Get the OpenAPI document",
    )(show)


def declare_installation(routes: Endpoints, name: str) -> None:
    """Declare the operation of that name which lists the APIs of the installation."""

    def show(_request: Nothing, services: EdgeServices) -> Bare:
        """Lists the families of this installation, their hosts and their APIs, so that a client needs
        to know one address only. May be cached for five minutes (ETag)."""
        listed = installation(services.platform.settings)
        return Bare(to_json(listed.model_dump()), headers=PUBLISHED_HEADERS)

    show.__name__ = name
    routes.get(
        "/.well-known/edge",
        auth=PUBLIC,
        answer=Installation,
        enveloped=False,
        errors=(304,),
        summary="List the APIs of the installation",
    )(show)


def installation(settings: Settings) -> Installation:
    """The families that are deployed together, the one that this host serves among them."""
    own = {family.name: settings.public_url for family in families.served() if settings.public_url}
    urls = settings.url_of_family | own
    listed = [_family(family.name, urls.get(family.name)) for family in families.chosen()]
    return Installation(service="edge-admin-serverless", version=VERSION, families=listed)


def _family(name: str, url: str | None) -> ServedFamily:
    apis = [
        ServedApi(
            name=api.name,
            prefixes=list(api.prefixes),
            openapi=f"{url.rstrip('/')}{api.document_route}" if url and api.document_route else None,
        )
        for api in families.apis_of(name)
    ]
    return ServedFamily(name=name, url=url, apis=apis)
