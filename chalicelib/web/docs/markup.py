"""HTML of the pages. Everything that comes from a document is escaped; URLs are relative, for hosts with a stage."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from chalicelib.web.docs.assets import asset

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")

Row = Sequence[str]
"""Cells, as HTML."""


def page(
    title: str,
    body: str,
    *,
    styles: Sequence[str] = ("pages.css",),
    scripts: Sequence[str] = (),
    head: str = "",
) -> str:
    """A whole page with the way to the others; ``styles`` and ``scripts`` are names of assets, ``head`` and ``body``
    are HTML."""
    sheets = "".join(f'<link rel="stylesheet" href="assets/styles/{asset(name).name}">' for name in styles)
    loaded = "".join(f'<script src="assets/scripts/{asset(name).name}" defer></script>' for name in scripts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>{sheets}{head}{loaded}</head>'
        f'<body><a class="skip" href="#content">Skip to the content</a>{_HEADER}'
        f'<main id="content" tabindex="-1">{body}</main></body></html>\n'
    )


_HEADER = (
    '<header><a href="./">Guide</a><a href="swaggerui">Try the API</a><a href="redoc">API reference</a>'
    '<a href="asyncdoc">Events</a><a href="api/openapi">OpenAPI</a><a href="api/asyncapi">AsyncAPI</a></header>'
)


def code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def prose(markdown: str) -> str:
    """The Markdown of descriptions: code and links; the address of a link is shown, not made one."""
    text = _LINK.sub(r"\1 (\2)", markdown)
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def table(caption: str, heads: Sequence[str], rows: Iterable[Row]) -> str:
    """A table, or nothing where there are no rows."""
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not cells:
        return ""
    titles = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"<table><caption>{caption}</caption><thead><tr>{titles}</tr></thead><tbody>{cells}</tbody></table>"


def preformatted(text: str, label: str) -> str:
    """A block of text as it is, below its label; the keyboard can scroll it."""
    return f'<p><b>{escape(label)}</b></p><pre tabindex="0" aria-label="{escape(label)}">{escape(text)}</pre>'
