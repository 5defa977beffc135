"""Keys that are restricted, on every operation of every family whose things a key may be restricted to."""

import pytest

from chalicelib import families
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Scope
from chalicelib.web.operation_table import every_operation
from tests.support.operations import operations_of

ROWS = [row for row in every_operation() if row.scope is Scope.REACH]
ON_ONE = [row for row in ROWS if row.endpoint.shown_names]
"""Operations on a thing that their path names."""

LISTS = [row for row in ROWS if row.endpoint.paginated and not row.endpoint.shown_names]

ON_ALL = [row for row in ROWS if not row.endpoint.shown_names and not row.changes]
"""Reads of whatever the caller reaches: lists, and answers of other forms."""

ADDRESSING = [row for row in ROWS if row.id in operations_of(row.family).addressed]
"""Operations whose body names things."""


def prepared(row):
    """A scene with what the operation needs, and that."""
    operations = operations_of(row.family)
    scene = operations.scene()
    return scene, operations.prepared[row.api][row.id](scene)


def outsider(row, scene):
    """A key that does not reach what is in the scene."""
    return scene.world.key_with(role=KeyRole.ADMIN, restrictions=operations_of(row.family).outside(scene))


def said(answer, *names):
    """What an answer says apart from the names in it and its request."""
    body = {part: value for part, value in answer.json.items() if part != "meta"} if answer.text else {}
    text = str(body)
    for name in names:
        text = text.replace(name, "…")
    return answer.status, text


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_operation_succeeds_for_a_key_that_reaches_its_thing(row):
    scene, options = prepared(row)
    restricted = scene.world.key_with(role=KeyRole.ADMIN, restrictions=operations_of(row.family).within(scene))
    assert scene.request(row.id, **{**options, "key": restricted}).status == row.endpoint.status


@pytest.mark.parametrize("row", ON_ONE, ids=str)
def test_thing_outside_the_reach_is_answered_as_an_unknown_one(row):
    scene, options = prepared(row)
    there = {name: scene.variables[name] for name in row.endpoint.path.model_fields}
    nothing = {name: operations_of(row.family).unknown[name] for name in there}
    options = {**options, "key": outsider(row, scene)}
    before = scene.world.state()
    answers = [scene.request(row.id, **{**options, "variables": names}, checked=False) for names in (there, nothing)]
    assert scene.world.state() == before
    names = [*there.values(), *nothing.values()]
    assert said(answers[0], *names) == said(answers[1], *names)
    assert answers[0].status == (200 if row.id in operations_of(row.family).always_answered else 404)


@pytest.mark.parametrize("row", LISTS, ids=str)
def test_list_neither_shows_nor_counts_what_is_outside_the_reach(row):
    scene, options = prepared(row)
    asked = {**options, "key": outsider(row, scene)}
    filters = [name for name in row.endpoint.query.model_fields if name in scene.variables]
    for query in ({}, *({name: scene.variables[name]} for name in filters)):
        answer = scene.request(row.id, **{**asked, "query": query})
        total = answer.json["meta"]["pagination"]["total_count"]
        reached = 0 if query else operations_of(row.family).reached.get(row.id, 0)
        assert (len(answer.data), total) == (reached, reached), query


@pytest.mark.parametrize("row", ON_ALL, ids=str)
def test_answer_names_nothing_that_is_outside_the_reach(row):
    scene, options = prepared(row)
    answer = scene.request(row.id, **{**options, "key": outsider(row, scene)})
    assert answer.status == row.endpoint.status
    assert [name for name, value in scene.variables.items() if value in answer.text] == []


@pytest.mark.parametrize("row", ADDRESSING, ids=str)
def test_target_outside_the_reach_is_answered_as_an_unknown_one(row):
    scene, _ = prepared(row)
    outside = outsider(row, scene)
    before = scene.world.state()
    for there, nothing in operations_of(row.family).addressed[row.id](scene):
        answers = [scene.request(row.id, **options, key=outside, checked=False) for options in (there, nothing)]
        names = [*scene.variables.values(), *operations_of(row.family).unknown.values()]
        assert said(answers[0], *names) == said(answers[1], *names)
        assert answers[0].status == 422
    assert scene.world.state() == before


def test_every_operation_on_a_thing_knows_names_that_lead_to_nothing():
    missing = {
        (row.family, name)
        for row in ON_ONE
        for name in row.endpoint.path.model_fields
        if name not in operations_of(row.family).unknown
    }
    assert missing == set()


@pytest.mark.parametrize("family", families.NAMES)
def test_restrictions_of_the_scenes_tell_what_is_within_and_outside(family):
    operations = operations_of(family)
    if any(row.family == family for row in ROWS):
        scene = operations.scene()
        assert operations.within(scene)
        assert operations.outside(scene)
