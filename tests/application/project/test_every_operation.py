"""Who may do what, asked of every operation of every family: with its permission, without it, and without a key."""

import pytest

from chalicelib import families
from chalicelib.kit.crypto import associated_data
from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.sealing.resealing import SUFFIX
from chalicelib.web.operation_table import every_operation
from tests.support.operations import operations_of
from tests.support.world import MASTER_KEY

ROWS = every_operation()
DECIDED = [row for row in ROWS if row.permission is not None]
"""Operations that are decided by a permission."""

EVERY_PERMISSION = frozenset(permission.name for permission in families.deployed(families.EVERY).permissions)

each_decided = pytest.mark.parametrize("row", DECIDED, ids=str)


def scene_of(row):
    return operations_of(row.family).scene()


def prepared(row, scene):
    """What the operation needs to succeed, which is there from now on."""
    return operations_of(row.family).prepared[row.api][row.id](scene)


def refused(scene, row, options, key):
    """The answer to a request that has to change nothing."""
    before = scene.world.state()
    answer = scene.request(row.id, **{**options, "key": key})
    assert scene.world.state() == before
    return answer


def secrets_in(world):
    """Every secret that is stored, by its place."""
    return {
        place: world.platform.sealer.open(row[name], place).reveal()
        for table, names in world.platform.families.sealed.items()
        for row in world.driver.rows(table)
        for name in names
        if row.get(name) is not None
        for place in [associated_data(table, id_of(table, row), name.removesuffix(SUFFIX))]
    }


def id_of(table, row):
    """The id of a row as its tenant sees it."""
    return owner_of(str(row["id"]))[1] if table.tenanted else str(row["id"])


def shown_to(scene, row, key):
    """The places of the secrets that the answer to a prepared request contains."""
    answer = scene.request(row.id, **{**prepared(row, scene), "key": key})
    assert answer.status == row.endpoint.status
    return {place for place, secret in secrets_in(scene.world).items() if secret in answer.text}


ONLY_NOTED = frozenset({"presign_object"})
"""They change nothing but the audit log: a link to read gives nothing that its maker does not have."""


def test_every_operation_is_prepared():
    by_family = {family: operations_of(family).prepared for family in families.NAMES}
    known = {(family, api, view) for family, apis in by_family.items() for api, of in apis.items() for view in of}
    assert known == {(row.family, row.api, row.id) for row in ROWS}


@pytest.mark.parametrize("row", [row for row in ROWS if row.permission is None], ids=str)
def test_operation_without_a_permission_succeeds_when_prepared(row):
    scene = scene_of(row)
    assert scene.request(row.id, **prepared(row, scene)).status == row.endpoint.status


@each_decided
def test_operation_is_refused_without_its_permission_and_succeeds_with_it_alone(row):
    scene = scene_of(row)
    options = prepared(row, scene)
    for offered in (None, "a-key-that-nobody-holds"):
        assert refused(scene, row, options, offered).status == 401
    lesser = [{"role": role} for role in KeyRole if not role.contains(row.role)]
    for wanted in ({"permissions": tuple(EVERY_PERMISSION - {row.permission.name})}, *lesser):
        answer = refused(scene, row, options, scene.world.key_with(**wanted))
        assert (answer.status, row.permission.name in answer.text) == (403, True)
    if row.scope is not Scope.REACH:
        restrictions = operations_of(row.family).within(scene)
        restricted = scene.world.key_with(role=KeyRole.ADMIN, restrictions=restrictions)
        assert refused(scene, row, options, restricted).status == 403
    given = operations_of(row.family).giving.get(row.id, frozenset())
    holder = scene.world.key_with(permissions=(row.permission.name, *given))
    assert scene.request(row.id, **{**options, "key": holder}).status == row.endpoint.status


@pytest.mark.parametrize("family", families.NAMES)
def test_viewer_changes_nothing_by_asking_every_operation(family):
    scene = operations_of(family).scene()
    viewer = scene.world.key_with(role=KeyRole.VIEWER)
    before = scene.world.state()
    answers = {row: scene.request(row.id, key=viewer) for row in DECIDED if row.family == family}
    assert scene.world.state() == before
    forbidden = {row for row, answer in answers.items() if answer.status == 403}
    assert forbidden == {row for row in answers if not KeyRole.VIEWER.contains(row.role)}
    assert forbidden >= {row for row in answers if row.changes and row.id not in ONLY_NOTED}


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.id) for row in DECIDED if not row.changes and KeyRole.VIEWER.contains(row.role)],
)
def test_viewer_reads_no_secret(row):
    scene = scene_of(row)
    assert shown_to(scene, row, scene.world.key_with(role=KeyRole.VIEWER)) == set()


@pytest.mark.parametrize("family", families.NAMES)
def test_admin_reads_the_secrets_that_a_viewer_does_not(family):
    scenes = {api: operations_of(family).scene() for api in operations_of(family).prepared}
    reads = [row for row in DECIDED if row.family == family and not row.changes]
    places = {place for row in reads for place in shown_to(scenes[row.api], row, MASTER_KEY)}
    assert {place.partition("/")[0] for place in places} == operations_of(family).reveals
