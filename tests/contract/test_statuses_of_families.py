"""The statuses that every operation of the families beside the fleet documents, provoked on each: no key, no right, bad
input, a limit, busy tables and unexpected failures. Each answer is held against the document of its API."""

from contextlib import contextmanager

import pytest

from chalicelib import families
from chalicelib.kit.errors import unavailable
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.web.endpoint import PUBLIC
from chalicelib.web.json_body import DEFAULT_MAX_BODY_BYTES
from chalicelib.web.operation_table import every_operation
from tests.support.operations import operations_of

NOTHING = "0192e4a0-0000-7000-8000-00000000dead"
"""An id that leads to nothing."""

FLEET = families.NAMES[0]
"""It has cases of its own in test_statuses.py."""

ROWS = [row for row in every_operation() if row.family != FLEET]
DECIDED = [row for row in ROWS if row.permission is not None]
WITH_BODY = [row for row in ROWS if row.endpoint.has_body and not row.endpoint.takes_bytes]
EVERY_PERMISSION = frozenset(permission.name for permission in families.deployed(families.EVERY).permissions)

each = pytest.mark.parametrize("row", ROWS, ids=str)
each_decided = pytest.mark.parametrize("row", DECIDED, ids=str)
each_with_a_body = pytest.mark.parametrize("row", WITH_BODY, ids=str)


def prepared(row):
    """A scene with what the operation needs, and that."""
    operations = operations_of(row.family)
    scene = operations.scene()
    return scene, dict(operations.prepared[row.api][row.id](scene))


def statuses_of(row):
    """The statuses with which the audience of an operation refuses."""
    return row.endpoint.auth.statuses


def ask(scene, row, options, **changes):
    return scene.request(row.id, **{**options, **changes})


def set_up(scene, **settings):
    """Change settings of the scene's installation."""
    platform = scene.world.platform
    platform.settings = platform.settings.model_copy(update=settings)
    platform.__dict__.pop("limits", None)  # a part that is built when it is asked for


@contextmanager
def unchanged(scene):
    before = scene.world.state()
    yield
    assert scene.world.state() == before


@contextmanager
def failing(endpoint, error):
    """The operation's own part fails: for those that read no table."""

    def view(_request, _services):
        raise error

    original = endpoint.view
    view.__name__ = original.__name__
    object.__setattr__(endpoint, "view", view)
    try:
        yield
    finally:
        object.__setattr__(endpoint, "view", original)


@each
def test_prepared_operation_has_its_documented_success(row):
    scene, options = prepared(row)
    assert ask(scene, row, options).status == row.endpoint.status


@pytest.mark.parametrize("row", [row for row in ROWS if 304 in row.endpoint.errors], ids=str)
def test_document_that_the_client_has_is_304(row):
    scene, options = prepared(row)
    assert ask(scene, row, options, headers={"If-None-Match": "*"}).status == 304


@pytest.mark.parametrize(
    "row", [row for row in ROWS if 304 in row.endpoint.errors and 404 in row.endpoint.errors], ids=str
)
def test_document_that_the_settings_turn_off_is_404(row):
    scene, options = prepared(row)
    set_up(scene, api_docs_enabled=False)
    assert ask(scene, row, options).status == 404


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.permission is None and row.endpoint.auth is PUBLIC], ids=str
)
def test_address_above_its_limit_is_429(row):
    scene, options = prepared(row)
    set_up(scene, public_burst=1, public_rate_per_second=0.5)
    answers = [ask(scene, row, options, checked=False) for _ in range(2)]
    assert [answer.status for answer in answers] == [row.endpoint.status, 429]
    assert ask(scene, row, options).headers["retry-after"] == "2"


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.permission is None and row.endpoint.auth is not PUBLIC and 429 in statuses_of(row)],
    ids=str,
)
def test_caller_who_needs_no_permission_is_429_above_its_limit(row):
    scene, options = prepared(row)
    set_up(scene, public_burst=1, public_rate_per_second=0.5, key_requests_per_minute=1)
    answers = [ask(scene, row, options, checked=False) for _ in range(2)]
    assert [answers[0].status, ask(scene, row, options).status] == [row.endpoint.status, 429]
    assert int(answers[1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("row", [row for row in DECIDED if row.endpoint.path.model_fields], ids=str)
def test_unknown_thing_is_404(row):
    scene, options = prepared(row)
    unknown = operations_of(row.family).unknown
    names = {name: unknown.get(name, NOTHING) for name in row.endpoint.path.model_fields}
    if row.id in operations_of(row.family).always_answered:
        assert ask(scene, row, options, variables=names).status == row.endpoint.status
        return
    with unchanged(scene):
        assert ask(scene, row, options, variables=names).status == 404


@each_decided
def test_caller_without_a_key_is_401(row):
    scene, options = prepared(row)
    with unchanged(scene):
        assert ask(scene, row, options, key=None).status == 401


@each_decided
def test_caller_without_the_permission_is_403(row):
    scene, options = prepared(row)
    key = scene.world.key_with(permissions=tuple(EVERY_PERMISSION - {row.permission.name}))
    with unchanged(scene):
        assert ask(scene, row, options, key=key).status == 403


@each_decided
def test_caller_above_its_limit_is_429_and_told_when_to_come_again(row):
    scene, options = prepared(row)
    key = scene.world.key_with(role=KeyRole.ADMIN, requests_per_minute=1)
    answers = [ask(scene, row, options, key=key, checked=False) for _ in range(2)]
    assert answers[0].status != 429
    refused = ask(scene, row, options, key=key)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1


@each
def test_unknown_query_parameter_is_400(row):
    scene, options = prepared(row)
    with unchanged(scene):
        assert ask(scene, row, options, query={**options.get("query", {}), "surprise": "1"}).status == 400


@each_with_a_body
def test_body_that_is_not_json_is_400(row):
    scene, options = prepared(row)
    options.pop("json", None)
    with unchanged(scene):
        headers = {"Content-Type": "application/json"}
        assert ask(scene, row, options, body="{", headers=headers).status == 400


@each_with_a_body
def test_body_of_another_type_is_415(row):
    scene, options = prepared(row)
    options.pop("json", None)
    with unchanged(scene):
        answer = ask(scene, row, options, body="<a/>", headers={"Content-Type": "text/xml"})
        assert answer.status == 415


@each_with_a_body
def test_body_above_the_limit_is_413(row):
    scene, options = prepared(row)
    options.pop("json", None)
    text = '"' + "x" * max(DEFAULT_MAX_BODY_BYTES, row.endpoint.max_body_bytes) + '"'
    with unchanged(scene):
        headers = {"Content-Type": "application/json"}
        assert ask(scene, row, options, body=text, headers=headers).status == 413


@each
def test_busy_tables_are_503(row):
    scene, options = prepared(row)
    with unchanged(scene):
        scene.world.driver.fail_next(100_000, "throttle")
        answer = ask(scene, row, options, checked=False)
        if answer.status == row.endpoint.status:  # it reads no table
            with failing(row.endpoint, unavailable()):
                answer = ask(scene, row, options)
        assert answer.status == 503


@each
def test_unexpected_failure_is_500_and_does_not_show_its_text(row):
    scene, options = prepared(row)
    with unchanged(scene), failing(row.endpoint, RuntimeError("a detail of the inside")):
        answer = ask(scene, row, options)
    assert answer.status == 500
    assert "a detail of the inside" not in answer.text + str(answer.headers)
