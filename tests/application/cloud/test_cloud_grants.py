"""Each operation of the cloud makes no call that its function may not: in one process nothing else would refuse it."""

import pytest

from chalicelib.cloud.gone import TENANT_GONE, USER_GONE
from chalicelib.kit.tables import Check, Delete, Put, Update
from chalicelib.web.operation_table import every_operation
from infra.grants import GRANTS
from tests.support.cloud import ADA
from tests.support.operations import operations_of

FUNCTION = "cloud_api"
ACTIONS = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem", Check: "ConditionCheckItem"}
SINGLE = {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"}

ROWS = [row for row in every_operation() if row.family == "cloud"]


class Noting:
    """A driver that notes the parts of transactions, which IAM looks at one by one."""

    def __init__(self, driver):
        self.driver = driver
        self.seen = set()
        self.made = driver.transact
        driver.transact = self.transact

    def transact(self, writes, token):
        self.seen |= {(ACTIONS[type(write)], write.table.name) for write in writes}
        self.made(writes, token)

    def calls(self):
        single = {
            (call.operation, table)
            for call in self.driver.meter.calls
            if call.operation in SINGLE
            for table in call.table.split(",")
        }
        return single | self.seen


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_operation_calls_only_tables_that_its_function_may(row):
    operations = operations_of(row.family)
    scene = operations.scene()
    options = operations.prepared[row.api][row.id](scene)
    noting = Noting(scene.world.driver)
    answer = scene.request(row.id, **options)
    assert answer.status == row.endpoint.status
    granted = GRANTS[FUNCTION].tables
    assert {call for call in noting.calls() if call[0] not in granted.get(call[1], ())} == set()


def test_tasks_of_the_deleted_call_only_tables_that_clean_up_may():
    scene = operations_of("cloud").scene()
    tenant, owner = scene.variables["tenant_id"], scene.keys[ADA]
    for view in ("add_ssh_key", "create_policy", "create_role", "create_service_account", "create_invitation"):
        assert scene.request(view, key=owner).status == 201
    scene.cluster("north")
    assert scene.request("give_clusters").status == 200
    scene.request("remove_member", key=owner)
    assert scene.request("delete_tenant", key=owner).status == 204
    noting = Noting(scene.world.driver)
    scene.world.driver.meter.reset()
    for kind, subject in ((TENANT_GONE, tenant), (USER_GONE, scene.variables["owner_id"])):
        cursor = None
        for _ in range(9):
            cursor = scene.world.platform.background.chunk({"kind": kind, "id": subject, "cursor": cursor})
            if cursor is None:
                break
    calls = noting.calls()
    assert {table for action, table in calls if action == "DeleteItem"} >= {"invitations", "owned_clusters"}
    granted = GRANTS["clean_up"].tables
    assert {call for call in calls if call[0] not in granted.get(call[1], ())} == set()
