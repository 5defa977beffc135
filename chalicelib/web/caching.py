"""Cacheable answers: an entity tag for each, and 304 for a client that has the current version (RFC 9110 section
13)."""

from hashlib import sha256

from chalicelib.web.exchange import Incoming, Outgoing

PUBLISHED_HEADERS = {"cache-control": "public, max-age=300"}
"""Cache-Control of a public document: a cache may use it for five minutes without asking."""

_TAG_LENGTH = 32


def unless_known(outgoing: Outgoing, incoming: Incoming) -> Outgoing:
    """The answer, or 304 in its place where the request names its tag. Only answers that say that they are public have
    one."""
    if outgoing.status != 200 or not outgoing.headers.get("cache-control", "").startswith("public"):  # noqa: PLR2004
        return outgoing
    tag = f'"{sha256(outgoing.body.encode()).hexdigest()[:_TAG_LENGTH]}"'
    outgoing.headers["etag"] = tag
    if _names(incoming.headers.get("if-none-match", ()), tag):
        kept = {name: value for name, value in outgoing.headers.items() if name != "content-type"}
        return Outgoing(304, headers=kept)
    return outgoing


def _names(values: tuple[str, ...], tag: str) -> bool:
    named = {each.strip().removeprefix("W/") for value in values for each in value.split(",")}
    return tag in named or "*" in named
