"""Each operation that acts on something is in the audit log: what it acted on, and who asked for it."""

import pytest

from chalicelib import families
from chalicelib.platform.access.key_text import parse
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.web.operation_table import every_operation
from tests.support.operations import one_of_each, operations_of

ROWS = every_operation()

EVERY_PERMISSION = frozenset(permission.name for permission in families.deployed(families.EVERY).permissions)


def kind_of(row):
    return row.audit.partition(".")[0]


def scene_of(row):
    return operations_of(row.family).scene()


def prepared(row, scene):
    """What the operation needs to succeed, which is there and told from now on."""
    options = operations_of(row.family).prepared[row.api][row.id](scene)
    scene.world.settle()
    return options


def told_of(scene, row, options):
    """The answer to a request and its events, once everything that follows from it has happened, twice."""
    before = events(scene)
    answer = scene.request(row.id, **options)
    scene.world.settle(twice=True)
    return answer, [event for event in events(scene) if event not in before]


def events(scene):
    return scene.world.driver.rows(AUDIT_EVENTS)


@pytest.mark.parametrize("row", [row for row in ROWS if row.changes and row.audit and row.permission], ids=str)
def test_success_of_an_operation_that_acts_is_one_event(row):
    scene = scene_of(row)
    options = prepared(row, scene)
    held = scene.world.key_with(role=KeyRole.ADMIN)
    answer, told = told_of(scene, row, {**options, "key": held})
    assert len(told) == (2 if row.id in operations_of(row.family).replacing else 1)
    for event in told:
        assert (event["operation"], event["thing_kind"]) == (row.audit, kind_of(row))
        assert event["outcome"] == ("accepted" if row.endpoint.is_deferred else "done")
        assert event["request_id"] == answer.headers["x-request-id"]
        principal = (event["principal_kind"], event["principal_id"], event["principal_name"])
        assert principal == ("key", parse(held).id, "a key of a test")
        assert event["address"] == "203.0.113.7"


@pytest.mark.parametrize("row", [row for row in ROWS if not row.audit], ids=str)
def test_operation_that_acts_on_nothing_leaves_no_event(row):
    scene = scene_of(row)
    _, told = told_of(scene, row, prepared(row, scene))
    assert told == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.audit and not row.changes], ids=str)
def test_read_that_shows_secrets_is_an_event_for_each_thing_shown(row):
    scene = scene_of(row)
    options = prepared(row, scene)
    answer, told = told_of(scene, row, {**options, "key": scene.world.key_with(role=KeyRole.ADMIN)})
    shown = answer.data if isinstance(answer.data, list) else [answer.data]
    assert {event["thing_id"] for event in told} == {one["id"] for one in shown}
    assert {(event["operation"], event["thing_kind"], event["outcome"]) for event in told} == {
        (row.audit, kind_of(row), "done")
    }
    assert told_of(scene, row, {**options, "key": scene.world.key_with(role=KeyRole.VIEWER)})[1] == []


@pytest.mark.parametrize(
    "row", one_of_each((row for row in ROWS if row.permission), lambda row: (row.changes, row.method, row.scope))
)
def test_operation_that_is_refused_to_a_named_key_is_an_event(row):
    scene = scene_of(row)
    options = prepared(row, scene)
    held = scene.world.key_with(permissions=EVERY_PERMISSION - {row.permission.name})
    answer, (event,) = told_of(scene, row, {**options, "key": held, "checked": False})
    assert answer.status == 403
    assert (event["outcome"], event["principal_id"]) == ("refused", parse(held).id)
    assert event["operation"] == (row.audit if row.changes else f"{row.method} {row.path}")
    assert event["request_id"] == answer.headers["x-request-id"]


AT_S3 = frozenset({"object", "upload"})
"""Things that have no row which tells of them: their routes note what was done."""


@pytest.mark.parametrize("family", families.NAMES)
def test_kind_of_each_verb_is_a_thing_of_a_table(family):
    kinds = {kind_of(row) for row in ROWS if row.family == family and row.audit}
    deployed = families.deployed(families.EVERY)
    things = {table.thing.kind for table in deployed.tables if table.thing}
    assert kinds <= {*things, *deployed.kinds, *AT_S3}
