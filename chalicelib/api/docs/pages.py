"""The routes of the pages. All are open, as `/api/openapi` is, and absent where API_DOCS_ENABLED is off.

Nothing is loaded from elsewhere, and the policy of each page says so to the browser. URLs are relative: the same page
works at the root of a domain and behind a stage.
"""

import base64
import hashlib
import json
from functools import cache

from pydantic import RootModel

from chalicelib.api import asyncapi, health
from chalicelib.api.docs.api_reference import api_reference
from chalicelib.api.docs.assets import asset, published
from chalicelib.api.docs.event_reference import event_reference
from chalicelib.api.docs.guide import TO_THE_FOLDER, guide
from chalicelib.api.docs.markup import page
from chalicelib.api.endpoint import PUBLIC, Bare, EdgeServices, Endpoints, PlainText, Request
from chalicelib.api.validation import NoBody, NoPath, NoQuery, Path
from chalicelib.kit.errors import not_found

HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_TRYING = "; script-src 'self'; connect-src 'self'"
_PAGE_SECONDS = 300
_FOR_EVER = "public, max-age=31536000, immutable"

routes = Endpoints(tag="Documentation")


class AsyncDocument(RootModel[dict[str, object]]):
    """An AsyncAPI 3.0 document."""


class AssetPath(Path):
    asset_name: str


@routes.get("/", auth=PUBLIC, media_type=HTML, errors=(404,), summary="A short guide for operators")
def show_guide(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    _must_be_on(services)
    digest = base64.b64encode(hashlib.sha256(TO_THE_FOLDER.encode()).digest()).decode()
    return _page(guide(services.settings.public_url), f"; script-src 'sha256-{digest}'")


@routes.get("/swaggerui", auth=PUBLIC, media_type=HTML, errors=(404,), summary="A page to try the API")
def show_swagger_ui(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    _must_be_on(services)
    return _page(_swagger_page(), _TRYING)


@routes.get("/redoc", auth=PUBLIC, media_type=HTML, errors=(404,), summary="The API's reference")
def show_api_reference(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    _must_be_on(services)
    return _page(_api_page())


@routes.get("/asyncdoc", auth=PUBLIC, media_type=HTML, errors=(404,), summary="The events' reference")
def show_event_reference(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    _must_be_on(services)
    return _page(_event_page())


@routes.get(
    "/api/asyncapi",
    auth=PUBLIC,
    answer=AsyncDocument,
    enveloped=False,
    errors=(404,),
    summary="The events' own description",
)
def show_asyncapi(_request: Request[NoPath, NoQuery, NoBody], services: EdgeServices) -> Bare:
    _must_be_on(services)
    return Bare(_asyncapi_text())


@routes.get(
    "/assets/scripts/{asset_name}", auth=PUBLIC, path=AssetPath, media_type=SCRIPT, errors=(404,), summary="A script"
)
def show_script(request: Request[AssetPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Part of a page. Its name holds a digest of its content: it never changes under that name."""
    _must_be_on(services)
    return _asset(request.path.asset_name, ".js", SCRIPT)


@routes.get(
    "/assets/styles/{asset_name}", auth=PUBLIC, path=AssetPath, media_type=STYLE, errors=(404,), summary="A style sheet"
)
def show_style(request: Request[AssetPath, NoQuery, NoBody], services: EdgeServices) -> PlainText:
    """Part of a page. Its name holds a digest of its content: it never changes under that name."""
    _must_be_on(services)
    return _asset(request.path.asset_name, ".css", STYLE)


def _must_be_on(services: EdgeServices) -> None:
    if not services.settings.api_docs_enabled:
        raise not_found()


def _page(text: str, more_policy: str = "") -> PlainText:
    headers = {
        "cache-control": f"public, max-age={_PAGE_SECONDS}",
        "content-security-policy": f"{_POLICY}{more_policy}",
    }
    return PlainText(text, HTML, headers)


def _asset(name: str, suffix: str, media_type: str) -> PlainText:
    found = published(name, suffix)
    if found is None:
        raise not_found()
    return PlainText(found.text, media_type, {"cache-control": _FOR_EVER})


@cache
def _swagger_page() -> str:
    scripts = "".join(
        f'<script src="assets/scripts/{asset(name).name}"></script>' for name in ("swagger-ui-bundle.js", "swagger.js")
    )
    return page("Try the API", f'<div id="swagger-ui"></div>{scripts}', styles=("swagger-ui.css",))


@cache
def _api_page() -> str:
    return api_reference(json.loads(health.DOCUMENT.read_text(encoding="utf-8")))


@cache
def _event_page() -> str:
    return event_reference(json.loads(_asyncapi_text()))


@cache
def _asyncapi_text() -> str:
    return asyncapi.DOCUMENT.read_text(encoding="utf-8")
