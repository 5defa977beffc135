"""Callers of another tenant, on every operation of every family: they see and address nothing of a tenant."""

import json

import pytest

from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Scope
from chalicelib.web.operation_table import every_operation
from tests.support.operations import operations_of

ROWS = [row for row in every_operation() if row.scope is Scope.TENANT]

OTHER = "0192e4a0-0000-7000-8000-00000000face"
"""The id of a tenant that has nothing."""

NOTHING = "0192e4a0-0000-7000-8000-00000000dead"
"""An id that leads to nothing."""


def of_tenants(row):
    """The variables of its path that name something of a tenant."""
    shared = operations_of(row.family).of_everybody
    return [name for name in row.endpoint.path.model_fields if name not in shared]


ON_ONE = [row for row in ROWS if of_tenants(row)]
"""Operations on a thing of a tenant that their path names."""

ADDRESSING = [row for row in ROWS if row.id in operations_of(row.family).addressed]
"""Operations whose body or query names one."""

READS = [row for row in ROWS if not of_tenants(row) and not row.changes and row not in ADDRESSING]
"""Reads of whatever the caller's tenant has."""

OF_THE_INSTALLATION = [row for row in every_operation() if row.scope not in {None, Scope.TENANT}]


def prepared(row):
    """A scene with what the operation needs, and that. All of it belongs to the operator's tenant."""
    operations = operations_of(row.family)
    scene = operations.scene()
    return scene, dict(operations.prepared[row.api][row.id](scene))


def stranger(scene):
    """A key of another tenant, with all rights there."""
    return scene.world.key_with(role=KeyRole.ADMIN, tenant=OTHER)


def named(row, scene, options):
    """The variables of the path that name something of a tenant, as the prepared request has them."""
    known = {**scene.variables, **options.get("variables", {})}
    return {name: known[name] for name in of_tenants(row)}


def said(answer, *names):
    """What an answer says apart from the names in it and its ids: status, and body without what differs each time."""
    text = answer.text
    for name in names:
        text = text.replace(name, "…")
    for header in ("x-request-id", "x-error-id"):
        text = text.replace(answer.headers.get(header, "\0"), "…")
    body = json.loads(text) if text.startswith("{") else text
    if isinstance(body, dict):
        body.pop("meta", None)
    return answer.status, body


@pytest.mark.parametrize("row", ON_ONE, ids=str)
def test_thing_of_another_tenant_is_answered_as_an_unknown_one(row):
    scene, options = prepared(row)
    there = named(row, scene, options)
    unknown = {name: operations_of(row.family).unknown.get(name, NOTHING) for name in there}
    common = {name: value for name, value in options.get("variables", {}).items() if name not in there}
    asked = {**options, "key": stranger(scene)}
    before = scene.world.state()
    answers = [
        scene.request(row.id, **{**asked, "variables": {**common, **names}}, checked=False)
        for names in (there, unknown)
    ]
    assert scene.world.state() == before
    names = [*there.values(), *unknown.values()]
    assert said(answers[0], *names) == said(answers[1], *names)
    if row.id not in operations_of(row.family).always_answered:
        assert answers[0].status == 404


@pytest.mark.parametrize("row", ADDRESSING, ids=str)
def test_named_thing_of_another_tenant_is_answered_as_an_unknown_one(row):
    scene, _ = prepared(row)
    key = stranger(scene)
    before = scene.world.state()
    for there, nothing in operations_of(row.family).addressed[row.id](scene):
        answers = [scene.request(row.id, **options, key=key, checked=False) for options in (there, nothing)]
        names = [*scene.variables.values(), NOTHING, *operations_of(row.family).unknown.values()]
        assert said(answers[0], *names) == said(answers[1], *names)
        assert answers[0].status >= 400
    assert scene.world.state() == before


@pytest.mark.parametrize("row", READS, ids=str)
def test_read_names_nothing_of_another_tenant(row):
    scene, options = prepared(row)
    answer = scene.request(row.id, **{**options, "key": stranger(scene)}, checked=False)
    assert answer.status in {row.endpoint.status, *row.endpoint.errors}
    secret = {
        name: value for name, value in scene.variables.items() if name not in operations_of(row.family).of_everybody
    }
    assert [name for name, value in secret.items() if value in answer.text] == []


@pytest.mark.parametrize("row", OF_THE_INSTALLATION, ids=str)
def test_operation_of_the_installation_is_refused_to_tenants(row):
    scene, options = prepared(row)
    key = stranger(scene)
    before = scene.world.state()
    answer = scene.request(row.id, **{**options, "key": key}, checked=False)
    assert answer.status == 403
    assert scene.world.state() == before


def test_there_are_operations_of_tenants():
    assert ROWS
