"""The Chalice app as a WSGI application, for tools that speak only that. In one process, on fakes."""

import base64
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from tests.support.client import Client

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def wsgi_of(client: Client) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """Requests go where `client` sends its own. Bodies that are no UTF-8 arrive as API Gateway passes them, in base64;
    paths stay percent-encoded, as they do there. The server must give REQUEST_URI."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        target = urlsplit(environ["REQUEST_URI"])
        body, is_base64 = _body_of(environ)
        answer = client.request(
            environ["REQUEST_METHOD"],
            f"{target.path}?{environ.get('QUERY_STRING') or target.query}",
            headers=_headers_of(environ),
            body=body,
            body_is_base64=is_base64,
            key=None,
            checked=False,
        )
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        start_response(status, list(answer.headers.items()))
        return [answer.text.encode()]

    return application


def _headers_of(environ: dict[str, Any]) -> dict[str, str]:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    return headers


def _body_of(environ: dict[str, Any]) -> tuple[str | None, bool]:
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if not raw:
        return None, False
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode("ascii"), True
