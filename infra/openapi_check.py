"""Fails if a committed document, of the API or of its events, differs from the one generated from the models."""

import sys

from chalicelib.fleet.api import routes
from chalicelib.fleet.api.health import DOCUMENT
from chalicelib.web import asyncapi, dispatch, openapi
from chalicelib.web.docs.pages import EVENTS_DOCUMENT


def main() -> int:
    committed = [
        *((file, openapi.document_text()) for file in (DOCUMENT, openapi.PUBLISHED)),
        *((file, asyncapi.document_text()) for file in (EVENTS_DOCUMENT, asyncapi.PUBLISHED)),
        (dispatch.TABLE, routes.table_text()),
    ]
    stale = [file for file, text in committed if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        print(f"{file} is stale: make openapi", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
