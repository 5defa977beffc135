"""The functions that make machines are granted the reads and writes of rows that they do, and no others."""

from collections import defaultdict

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Check, Delete, Put, Update
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, TENANT_TAG
from chalicelib.platform.provisioning.model import State
from infra.grants import GRANTS
from tests.support.builders import a_cluster
from tests.support.declared import handler_of
from tests.support.instances import CLUSTER, TENANT, InstanceWorld

ACTIONS = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem", Check: "ConditionCheckItem"}


class Recorder:
    """A driver of tables that notes what is asked of another one, while ``into`` is set."""

    def __init__(self, driver):
        self._driver = driver
        self.into = None

    def __getattr__(self, name):
        return getattr(self._driver, name)

    def note(self, action, table):
        if self.into is not None:
            self.into[table.name].add(action)

    def get(self, ref, **options):
        self.note("GetItem", ref.table)
        return self._driver.get(ref, **options)

    def batch_get(self, refs, **options):
        for ref in refs:
            self.note("BatchGetItem", ref.table)
        return self._driver.batch_get(refs, **options)

    def query(self, query):
        self.note("Query", query.table)
        return self._driver.query(query)

    def query_many(self, queries):
        for query in queries:
            self.note("Query", query.table)
        return self._driver.query_many(queries)

    def write(self, write):
        self.note(ACTIONS[type(write)], write.table)
        return self._driver.write(write)

    def transact(self, writes, token):
        for write in writes:
            self.note(ACTIONS[type(write)], write.table)
        return self._driver.transact(writes, token)


class RecordedWorld(InstanceWorld):
    """A world that knows what each function did to tables."""

    def __init__(self):
        super().__init__()
        self.driver = Recorder(self.driver)
        self.done = defaultdict(lambda: defaultdict(set))

    def call(self, handler, event, context=None):
        self.driver.into = self.done[handler]
        try:
            return super().call(handler, event, context)
        finally:
            self.driver.into = None


@pytest.fixture(scope="module")
def done():
    """What each function does in the life of an instance with a node, and of one that fails."""
    world = RecordedWorld()
    a_cluster(world, CLUSTER)
    made = world.create(cluster=CLUSTER)
    world.settle()
    world.pass_time(30)
    world.enrol(made)
    world.fleet.aliases.create(made.id, "door", reach=EVERYWHERE)
    world.reach(made, State.READY)
    world.delete(made)
    world.reach(made, State.GONE)
    world.reach(world.create(cluster="none"), State.FAILED)
    world.ec2.plant(world.ec2.stage, **{TENANT_TAG: TENANT, RESOURCE_TAG: made.id})
    world.pass_time(3)
    world.sweep("report_strangers")
    world.pass_time(4000, 20)
    return world.done


@pytest.mark.parametrize("name", ["provision", "wake_instances", "report_strangers", "sweep_provisioning"])
def test_function_is_granted_what_it_does_to_rows(done, name):
    granted = GRANTS[name].tables
    missing = {
        (table, action)
        for table, actions in done[handler_of(name)].items()
        for action in actions - granted.get(table, frozenset())
    }

    assert done[handler_of(name)]
    assert missing == set()


OF_OTHER_KINDS = {"claims": frozenset({"DeleteItem", "Query"})}
"""An instance has no claims; VPCs and volumes give theirs back, and a table has the routes that are claimed."""


def test_function_that_makes_machines_is_granted_nothing_else(done):
    granted = GRANTS["provision"].tables
    did = {**done[handler_of("provision")], **OF_OTHER_KINDS}

    assert {table: actions - did[table] for table, actions in granted.items()} == dict.fromkeys(granted, frozenset())
