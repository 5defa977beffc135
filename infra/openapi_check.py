"""Fails if a committed document, of an API, of its events, of its tools, of permissions or of machines, differs from
the one generated."""

import sys

from chalicelib import families
from chalicelib.machines.catalogue import generate as catalogue
from chalicelib.web import asyncapi, openapi, permissions_page
from chalicelib.web.mcp import catalogue as tools


def main() -> int:
    committed = [
        item
        for api in families.every_api()
        for item in (openapi.generated(api) | asyncapi.generated(api) | tools.generated(api)).items()
    ]
    committed += (permissions_page.generated() | catalogue.generated()).items()
    stale = [file for file, text in committed if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        print(f"{file} is stale: make openapi", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
