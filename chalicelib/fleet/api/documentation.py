"""The routes of the pages for people, open to anyone as the documents are."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import ConfigDict, RootModel, StringConstraints

from chalicelib.fleet.api import API
from chalicelib.fleet.api.guide import TO_THE_FOLDER, guide
from chalicelib.kit.fields import about
from chalicelib.web import published
from chalicelib.web.docs import pages
from chalicelib.web.edge_services import EdgeServices
from chalicelib.web.endpoint import PUBLIC, Bare, Endpoints, PlainText, Request
from chalicelib.web.served_documents import declare_installation
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Path

_SHOWN_PAGE = "<!doctype html>\n<title>Edge Admin, serverless</title>\n"
"""Stands for any page in the document."""

routes = Endpoints(tag="Documentation", auth=PUBLIC)


class AsyncDocument(RootModel[dict[str, object]]):
    """An AsyncAPI 3.0 document."""

    model_config = ConfigDict(json_schema_extra={"example": {"asyncapi": "3.0.0", "info": {}, "channels": {}}})


class AssetPath(Path):
    asset_name: Annotated[
        str,
        MinLen(1),
        MaxLen(80),
        StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$"),
        about("File name of the asset, which holds a digest of its content.", "pages.0a1b2c3d.css"),
    ]


@routes.get(
    "/",
    media_type=pages.HTML,
    example=_SHOWN_PAGE,
    errors=(304, 404),
    summary="Read a short guide for operators",
)
def show_guide(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Returns a short guide to this API for operators, as an HTML page. Answers 404 if the setting API_DOCS_ENABLED is
    off, as all pages do."""
    published.check_enabled(services.platform.settings)
    return pages.html(guide(services.platform.settings.public_url), TO_THE_FOLDER)


@routes.get(
    "/swaggerui",
    media_type=pages.HTML,
    example=_SHOWN_PAGE,
    errors=(304, 404),
    summary="Try the API in Swagger UI",
)
def show_swagger_ui(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Returns Swagger UI for this API, with all scripts served from here."""
    published.check_enabled(services.platform.settings)
    return pages.swagger_ui()


@routes.get(
    "/redoc",
    media_type=pages.HTML,
    example=_SHOWN_PAGE,
    errors=(304, 404),
    summary="Read the reference of the API",
)
def show_api_reference(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Returns the reference of the API: every operation of the OpenAPI document on one HTML page."""
    published.check_enabled(services.platform.settings)
    return pages.reference(API)


@routes.get(
    "/asyncdoc",
    media_type=pages.HTML,
    example=_SHOWN_PAGE,
    errors=(304, 404),
    summary="Read the reference of the events",
)
def show_event_reference(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Returns the reference of the events: every message of the AsyncAPI document on one HTML page."""
    published.check_enabled(services.platform.settings)
    return pages.events(API)


@routes.get(
    "/api/asyncapi",
    answer=AsyncDocument,
    enveloped=False,
    errors=(304, 404),
    summary="Get the AsyncAPI document",
)
def show_asyncapi(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> Bare:
    """Returns the AsyncAPI document of the events. May be cached for five minutes (ETag)."""
    published.check_enabled(services.platform.settings)
    return published.asyncapi(API)


@routes.get(
    "/assets/scripts/{asset_name}",
    contract_path="/assets/scripts/{asset_name}",
    media_type=pages.SCRIPT,
    example="document.title;\n",
    errors=(304, 404),
    summary="Get a script of these pages",
)
def show_script(request: Request[AssetPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Returns a script of these pages. Its content never changes under the same name, so it may be cached for ever."""
    published.check_enabled(services.platform.settings)
    return pages.script(request.path.asset_name)


@routes.get(
    "/assets/styles/{asset_name}",
    contract_path="/assets/styles/{asset_name}",
    media_type=pages.STYLE,
    example="body { margin: 0 }\n",
    errors=(304, 404),
    summary="Get a style sheet of these pages",
)
def show_style(request: Request[AssetPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Returns a style sheet of these pages. Its content never changes under the same name, so it may be cached for
    ever."""
    published.check_enabled(services.platform.settings)
    return pages.style(request.path.asset_name)


declare_installation(routes, "list_apis")
