"""The generated documents as answers."""

import json
from functools import cache

from chalicelib.kit.errors import not_found
from chalicelib.settings import Settings
from chalicelib.web.api import LOCAL_URL, Api
from chalicelib.web.caching import PUBLISHED_HEADERS
from chalicelib.web.json_patch import apply
from chalicelib.web.rendering import to_json
from chalicelib.web.results import Bare


def check_enabled(settings: Settings) -> None:
    """Raises `EdgeError` (not found) where the settings turn the documents off."""
    if not settings.api_docs_enabled:
        raise not_found()


def openapi(api: Api, url: str, revision: str = "") -> Bare:
    """The OpenAPI document with ``url``, if there is one, in place of the address that is committed; that of one
    revision of the API if it is given."""
    return Bare(_document_text(api, url or LOCAL_URL, revision), headers=PUBLISHED_HEADERS)


def asyncapi(api: Api) -> Bare:
    """The AsyncAPI document."""
    return Bare(_events_text(api), headers=PUBLISHED_HEADERS)


@cache
def _document_text(api: Api, url: str, revision: str) -> str:
    text = api.document.read_text(encoding="utf-8").replace(json.dumps(LOCAL_URL), json.dumps(url))
    if not revision:
        return text
    patches = json.loads(api.revisions_document.read_text(encoding="utf-8"))
    document = json.loads(text)
    apply(document, patches[revision])
    return to_json(document)


@cache
def _events_text(api: Api) -> str:
    return api.events_document.read_text(encoding="utf-8")
