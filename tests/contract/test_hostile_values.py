"""Hostile values in every field of every operation: path, query, headers and body. The answer is one that the operation
documents, never a 5xx that nobody's absence explains."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import families
from chalicelib.web.operation_table import every_operation
from tests.support.client import Client
from tests.support.operations import operations_of

ROWS = [row for row in every_operation() if row.endpoint.documented and not row.endpoint.takes_bytes]

SURROGATE = "\ud800"
"""A text that is JSON, and that no URL can hold."""

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63,
    2**200,
    1e308,
    "",
    " ",
    "a",
    "0",
    "-1",
    "1e9",
    "*",
    "**",
    "..",
    "../../etc/passwd",
    "a/b",
    "a#b",
    "a|b",
    "a:b",
    "%00",
    "\x00",
    "a\x00b",
    "a\nb",
    "\x7f",
    "\u202eabc",
    SURROGATE,
    "\ufffe",
    "ﬀ",
    "🙂" * 70,
    "é" * 300,
    "x" * 3_000,
    "{}",
    "$ref",
    "__proto__",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00+99:99",
    "0.0.0.0/0",
    "::/0",
    "300.1.1.1",
    "http://169.254.169.254/",
    "arn:aws:s3:::*",
    "00000000-0000-0000-0000-000000000000",
    "0192e4a0-0000-7000-8000-00000000DEAD",
    [],
    [None],
    ["", ""],
    [[[[[[]]]]]],
    ["x"] * 300,
    {},
    {"": ""},
    {"a": None},
    {"type": "all"},
)

FLEET = families.NAMES[0]
"""Its scene puts variables into paths by itself."""

HEADERS = ("Idempotency-Key", "X-Tenant-ID", "Edge-Api-Revision", "If-None-Match", "Range", "Accept", "Content-Type")
"""Headers that operations read."""

AT_ONCE = 6
"""Values for each field in a run of all tests, others for each field; `make test-all` sends all of them."""


def chosen(place: str, count: int) -> list[Any]:
    """So many of the values, by the place where they are sent."""
    first = int(sha256(place.encode()).hexdigest(), 16) % len(HOSTILE)
    return list(islice((HOSTILE * 2)[first::17] + HOSTILE[first:], count))


def prepared(row):
    operations = operations_of(row.family)
    scene = operations.scene()
    return scene, dict(operations.prepared[row.api][row.id](scene))


def sent_body(row, monkeypatch) -> Any:
    """The body of a request that succeeds; None without one."""
    bodies = []
    original = Client.request

    def noted(self, method, path, **options):
        bodies.append(options.get("json"))
        return original(self, method, path, **options)

    scene, options = prepared(row)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "request", noted)
        scene.request(row.id, **options)
    return bodies[-1]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything in a body."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from places(part, (*path, name))


def with_value(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = dict(body) if isinstance(body, dict) else list(body)
    changed[path[0]] = with_value(body[path[0]], path[1:], value)
    return changed


def of_path(row, count: int) -> Iterator[dict[str, Any]]:
    for name in row.endpoint.path.model_fields:
        for value in chosen(f"{row} path {name}", count):
            if isinstance(value, str) and value and value != SURROGATE:
                yield {"variables": {name: value if row.family == FLEET else quote(value, safe="")}}


def of_query(row, count: int) -> Iterator[dict[str, Any]]:
    for name, field in row.endpoint.query.model_fields.items():
        yield from ({"query": {field.alias or name: value}} for value in chosen(f"{row} query {name}", count))


def of_headers(row, count: int) -> Iterator[dict[str, Any]]:
    for name in HEADERS:
        for value in chosen(f"{row} header {name}", count):
            if isinstance(value, str) and value and "\n" not in value:
                yield {"headers": {name: value}}


def of_body(row, body: Any, count: int) -> Iterator[dict[str, Any]]:
    for path in places(body):
        yield from ({"json": with_value(body, path, value)} for value in chosen(f"{row} body {path}", count))
    for name in row.endpoint.body.model_fields:
        if isinstance(body, dict) and name not in body:
            yield from ({"json": {**body, name: value}} for value in chosen(f"{row} body {name}", count))


def requests_of(row, body: Any, count: int) -> Iterator[dict[str, Any]]:
    """Changes of a request, a hostile value in each."""
    yield from of_path(row, count)
    yield from of_query(row, count)
    yield from of_headers(row, count)
    if body is not None:
        yield from of_body(row, body, count)


def check(row, monkeypatch, count: int) -> None:
    body = sent_body(row, monkeypatch)
    scene, options = prepared(row)
    for change in requests_of(row, body, count):
        variables = {**options.get("variables", {}), **change.pop("variables", {})}
        sent = {**options, **change, "variables": variables}
        try:
            answer = scene.request(row.id, **sent)  # which holds the answer to the document
        except Exception as error:
            raise AssertionError(f"{str(sent)[:700]}: {error}") from error
        assert answer.status < 500 or answer.status in row.endpoint.errors, f"{str(sent)[:700]}: {answer.text[:300]}"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_hostile_values_get_a_documented_answer(row, monkeypatch):
    check(row, monkeypatch, AT_ONCE)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_hostile_value_gets_a_documented_answer(row, monkeypatch):
    check(row, monkeypatch, len(HOSTILE))
