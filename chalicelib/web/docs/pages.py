"""The pages that an API may show to people, as answers. Its own routes say where and to whom.

Nothing is loaded from elsewhere, and the policy of each page says so to the browser. URLs are relative: the same page
works at the root of a domain and behind a stage. All are absent where API_DOCS_ENABLED is off,
see `published.check_enabled`.
"""

import base64
import hashlib
import json
from functools import cache

from chalicelib.kit.errors import not_found
from chalicelib.web.api import Api
from chalicelib.web.docs.api_reference import api_reference
from chalicelib.web.docs.assets import published as asset_named
from chalicelib.web.docs.event_reference import event_reference
from chalicelib.web.docs.markup import page
from chalicelib.web.results import PlainText

HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE_SECONDS = 300
_FOR_EVER = "public, max-age=31536000, immutable"


def html(text: str, inline_script: str = "") -> PlainText:
    """A page without scripts of its own, but for one that stands in it."""
    digest = base64.b64encode(hashlib.sha256(inline_script.encode()).digest()).decode()
    return _page(text, f"; script-src 'sha256-{digest}'" if inline_script else "")


def swagger_ui() -> PlainText:
    """The page to try the API."""
    return _page(_swagger_page(), "; script-src 'self'; connect-src 'self'")


def reference(api: Api) -> PlainText:
    """Every operation of the API on one page."""
    return _page(_api_page(api), "; script-src 'self'")


def events(api: Api) -> PlainText:
    """Every event of the API on one page."""
    return _page(_event_page(api))


def script(name: str) -> PlainText:
    """A script of the pages. Raises `EdgeError` (not found) for a name that none has."""
    return _asset(name, ".js", SCRIPT)


def style(name: str) -> PlainText:
    """A style sheet of the pages. Raises `EdgeError` (not found) for a name that none has."""
    return _asset(name, ".css", STYLE)


def _page(text: str, more_policy: str = "") -> PlainText:
    headers = {
        "cache-control": f"public, max-age={_PAGE_SECONDS}",
        "content-security-policy": f"{_POLICY}{more_policy}",
    }
    return PlainText(text, HTML, headers)


def _asset(name: str, suffix: str, media_type: str) -> PlainText:
    found = asset_named(name, suffix)
    if found is None:
        raise not_found()
    return PlainText(found.text, media_type, {"cache-control": _FOR_EVER})


@cache
def _swagger_page() -> str:
    styles, scripts = ("pages.css", "swagger-ui.css", "swagger.css"), ("swagger-ui-bundle.js", "swagger.js")
    body = '<h1 class="skip">Try the API</h1><div id="swagger-ui"></div>'
    return page("Try the API", body, styles=styles, scripts=scripts)


@cache
def _api_page(api: Api) -> str:
    return api_reference(json.loads(api.document.read_text(encoding="utf-8")))


@cache
def _event_page(api: Api) -> str:
    return event_reference(json.loads(api.events_document.read_text(encoding="utf-8")))
