"""The driver of instances: machine and node as one."""

from dataclasses import dataclass, field

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import not_found, unavailable
from chalicelib.kit.ids import moment_of
from chalicelib.machines.providers.driver import InstanceDriver
from chalicelib.machines.providers.rules import ENROLS_WITHIN, drifted, unready
from chalicelib.platform.provisioning.model import Observation, Power, Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.support.machines import INSTANCE_ID, OTHER_ID, instance

SERVER = "https://edge.example.com"
MADE = "2026-11-21T10:00:00Z"


@dataclass(frozen=True)
class Node:
    status: str = "healthy"


@dataclass(frozen=True)
class Key:
    blob: Secret


@dataclass
class Outside:
    """A provider and a fleet that note what is asked of them, in order."""

    seen: dict = field(default_factory=dict)
    nodes: dict = field(default_factory=dict)
    clusters: tuple = ("shops",)
    done: list = field(default_factory=list)
    launched: list = field(default_factory=list)
    fleet_error: Exception | None = None

    def look(self, resources):
        self.done.append(("look", len(resources)))
        return {each.id: self.seen[each.id] for each in resources if each.id in self.seen}

    def launch(self, launch):
        self.launched.append(launch)
        return {"id": "i-1"}

    def __getattr__(self, name):
        if name == "regroup":
            return lambda resource, groups: self.done.append((name, resource.id, groups))
        if name not in {"start", "stop", "reset", "terminate"}:
            raise AttributeError(name)
        return lambda resource: self.done.append((name, resource.id))

    def find_nodes(self, node_ids):
        self.done.append(("find_nodes", len(node_ids)))
        if self.fleet_error:
            raise self.fleet_error
        return {each: self.nodes[each] for each in node_ids if each in self.nodes}

    def create_key(self, cluster_name, name, expires_at, *, token):
        if cluster_name not in self.clusters:
            raise not_found()
        self.done.append(("key", name, to_seconds_text(expires_at)))
        return Key(Secret(f"key-of-{token}"))

    def delete_key_of(self, token):
        self.done.append(("delete_key", token))

    def delete_node(self, node_id):
        self.done.append(("delete_node", node_id))


@pytest.fixture
def outside():
    return Outside(seen={INSTANCE_ID: Observation(Seen.READY, {"id": "i-1"}, {"internal_ip": "10.0.0.7"})})


@pytest.fixture
def driver(outside):
    return InstanceDriver({"ec2": outside}, outside, SERVER, lambda _tenant, _ids: [])


def test_machine_that_enrols_gets_a_key_for_a_while_and_the_instances_id(driver, outside):
    row = instance(cluster="shops")

    assert driver.create(row) == {"id": "i-1"}
    (launch,) = outside.launched
    assert (launch.id, launch.tenant, launch.enrolment.node_id) == (row.id, row.tenant, row.id)
    assert launch.enrolment.server_url == SERVER
    assert outside.done == [("key", "instance brisk-otter", to_seconds_text(moment_of(INSTANCE_ID) + ENROLS_WITHIN))]


def test_repeated_creation_asks_for_the_same_machine(driver, outside):
    driver.create(instance(cluster="shops"))
    driver.create(instance(cluster="shops", attempts=3))

    assert outside.launched[0] == outside.launched[1]


def test_machine_without_a_cluster_gets_no_key(driver, outside):
    driver.create(instance())

    assert outside.launched[0].enrolment is None
    assert outside.done == []


def test_cluster_that_is_gone_is_refused_with_the_remedy(driver):
    with pytest.raises(RefusedError, match="there is no cluster bars: create it"):
        driver.create(instance(cluster="bars"))


def test_installation_without_an_address_of_its_own_lets_no_machine_enrol(outside):
    driver = InstanceDriver({"ec2": outside}, outside, "", lambda _tenant, _ids: [])

    with pytest.raises(RefusedError, match="set PUBLIC_URL"):
        driver.create(instance(cluster="shops"))
    assert outside.launched == []


def test_fleet_that_does_not_answer_is_asked_again_later(driver, outside):
    outside.fleet_error = unavailable()

    with pytest.raises(AgainLaterError):
        driver.observe([instance(cluster="shops")])


def test_many_instances_are_one_look_and_one_read(driver, outside):
    driver.observe([instance(cluster="shops"), instance(OTHER_ID, cluster="shops")])

    assert outside.done == [("look", 2), ("find_nodes", 2)]


def test_instances_without_a_cluster_cost_no_read(driver, outside):
    driver.observe([instance(), instance(OTHER_ID)])

    assert outside.done == [("look", 2)]


def test_machine_that_the_provider_does_not_show_is_missing(driver):
    assert driver.observe([instance(OTHER_ID)])[OTHER_ID].seen is Seen.MISSING


def test_provider_that_is_missing_is_the_error_of_its_own_instances(driver):
    observed = driver.observe([instance(OTHER_ID, provider="local"), instance()])

    assert isinstance(observed[OTHER_ID], RefusedError)
    assert "no provider local" in observed[OTHER_ID].reason
    assert observed[INSTANCE_ID].seen is Seen.READY


class TestReadiness:
    def test_machine_is_not_ready_before_its_agent_has_enrolled(self, driver):
        row = instance(cluster="shops")
        observation = driver.observe([row])[row.id]

        assert observation.facts["node_id"] is None
        assert unready(row, observation).startswith("agent did not enrol")

    def test_machine_is_ready_once_its_node_is_there(self, driver, outside):
        outside.nodes[INSTANCE_ID] = Node()
        row = instance(cluster="shops")
        observation = driver.observe([row])[row.id]

        assert (observation.facts["node_id"], observation.facts["node_status"]) == (INSTANCE_ID, "healthy")
        assert unready(row, observation) == ""

    def test_machine_without_a_cluster_is_ready_at_once(self, driver):
        row = instance()

        assert unready(row, driver.observe([row])[row.id]) == ""

    def test_node_that_was_deleted_is_said_at_rest(self, driver):
        row = instance(cluster="shops", state=State.READY, observed={"node_id": INSTANCE_ID})
        observation = driver.observe([row])[row.id]

        assert observation.facts["node_status"] == "deleted"
        assert drifted(row, observation).startswith("its node was deleted from the fleet")

    @pytest.mark.parametrize("state", [State.CREATING, State.CHANGING, State.DELETING])
    def test_deleted_node_is_no_reason_to_change_the_machine(self, driver, state):
        row = instance(cluster="shops", state=state, observed={"node_id": INSTANCE_ID})

        assert drifted(row, driver.observe([row])[row.id]) == ""


class TestChange:
    @pytest.mark.parametrize(
        ("power", "act", "seen", "done"),
        [
            (Power.OFF, "", Seen.READY, "stop"),
            (Power.ON, "", Seen.STOPPED, "start"),
            (Power.ON, "reset", Seen.READY, "reset"),
            (Power.ON, "restart", Seen.READY, "reset"),
            (Power.ON, "reset", Seen.STOPPED, "start"),
        ],
    )
    def test_machine_is_made_as_the_row_wants_it(self, driver, outside, power, act, seen, done):
        driver.change(instance(power=power, act=act), Observation(seen))

        assert outside.done == [(done, INSTANCE_ID)]

    @pytest.mark.parametrize(
        ("power", "act", "seen"),
        [
            (Power.OFF, "", Seen.STOPPED),
            (Power.OFF, "reset", Seen.STOPPED),
            (Power.ON, "", Seen.READY),
            (Power.ON, "reset", Seen.STOPPING),
        ],
    )
    def test_machine_that_is_as_wanted_or_on_its_way_is_left_alone(self, driver, outside, power, act, seen):
        driver.change(instance(power=power, act=act), Observation(seen))

        assert outside.done == []


class TestDeletion:
    def test_key_goes_before_the_machine_and_the_node_after_it(self, driver, outside):
        driver.delete(instance(cluster="shops", external={"id": "i-1"}))

        assert [what for what, _ in outside.done] == ["delete_key", "terminate", "delete_node"]

    def test_machine_without_a_cluster_has_neither(self, driver, outside):
        driver.delete(instance(external={"id": "i-1"}))

        assert outside.done == [("terminate", INSTANCE_ID)]


def part(resource_id, external_id=None, *, is_released=False, state=State.READY):
    """A part of a network of the instance's tenant; EC2 shows it if it is ready."""
    return Resource(
        id=resource_id,
        tenant="tenant-1",
        kind="security_group",
        name=resource_id,
        external={"id": external_id} if external_id else {},
        is_released=is_released,
        is_seen=state is State.READY,
        state=state,
        inserted_at=MADE,
        updated_at=MADE,
    )


def in_groups(*ids, instance_id=INSTANCE_ID, provider="ec2"):
    """An instance in a subnet of its tenant, with these groups."""
    row = instance(instance_id, provider=provider)
    network = {"subnet_id": "subnet", "security_group_ids": list(ids)}
    return row.model_copy(update={"spec": {**row.spec, **network}})


class Network:
    """Finds parts, and counts the reads."""

    def __init__(self, *parts):
        self.parts = {each.id: each for each in parts}
        self.reads = 0

    def find(self, _tenant, ids):
        self.reads += 1
        return [self.parts[each] for each in ids if each in self.parts]


NETWORK = (
    part("subnet", "subnet-1"),
    part("web", "sg-1"),
    part("db", "sg-2"),
    part("new", state=State.PENDING),
    part("accepted", "sg-3", state=State.CREATING),
    part("lost", "sg-9", is_released=True),
)


def seen_in(outside, *has, rows, parts=NETWORK):
    """The driver, what it observes of these rows whose machines have these groups, and the network that it read."""
    network = Network(*parts)
    outside.seen = {row.id: Observation(Seen.READY, {"id": "i-1"}, {"groups": list(has)}) for row in rows}
    driver = InstanceDriver({"ec2": outside, "local": outside}, outside, SERVER, network.find)
    return driver, driver.observe(rows), network


@pytest.mark.parametrize(
    ("wanted", "has", "differs"),
    [
        (("web",), ("sg-1",), False),
        (("web", "db"), ("sg-2", "sg-1"), False),
        (("web", "lost"), ("sg-1",), False),
        (("lost",), ("sg-3",), False),
        (("web", "db"), ("sg-1",), True),
        (("web",), ("sg-1", "sg-2"), True),
        (("web", "new"), ("sg-1",), True),
    ],
)
def test_machine_in_other_groups_than_its_row_has_drifted(outside, wanted, has, differs):
    row = in_groups(*wanted)
    _, observed, _ = seen_in(outside, *has, rows=[row])

    assert bool(drifted(row, observed[row.id])) is differs
    facts = {"runs_as": "any", **({"other_groups": list(has)} if differs else {})}
    assert observed[row.id].facts == facts


@pytest.mark.parametrize(
    ("seen", "facts", "before", "runs_as"),
    [
        (Seen.READY, {}, {}, "any"),
        (Seen.READY, {}, {"runs_as": "small"}, "any"),
        (Seen.READY, {"other_type": "t3.nano"}, {"runs_as": "small"}, "small"),
        (Seen.READY, {"other_type": "t3.nano"}, {}, None),
        (Seen.BECOMING, {}, {"runs_as": "small"}, None),
        (Seen.STOPPED, {}, {"runs_as": "small"}, None),
        (Seen.ENDING, {}, {"runs_as": "small"}, None),
    ],
)
def test_machine_runs_as_its_template_or_as_before_while_of_another_type(outside, seen, facts, before, runs_as):
    row = instance(observed=before)
    outside.seen = {row.id: Observation(seen, {"id": "i-1"}, facts)}
    observed = InstanceDriver({"ec2": outside}, outside, SERVER, Network().find).observe([row])

    assert observed[row.id].facts.get("runs_as") == runs_as


def test_change_gives_a_machine_the_groups_of_its_row_and_no_lost_one(outside):
    row = in_groups("web", "lost", "db")
    driver, observed, _ = seen_in(outside, "sg-1", rows=[row])
    driver.change(row, observed[row.id])

    assert outside.done[-1] == ("regroup", row.id, ["sg-1", "sg-2"])


def test_change_waits_for_a_group_that_is_not_made_yet(outside):
    row = in_groups("web", "new")
    driver, observed, _ = seen_in(outside, "sg-1", rows=[row])

    with pytest.raises(AgainLaterError, match="not made yet") as later:
        driver.change(row, observed[row.id])
    assert later.value.nothing_done


def test_groups_of_many_instances_of_a_tenant_are_one_read(outside):
    rows = [in_groups("web"), in_groups("db", instance_id=OTHER_ID)]
    _, _, network = seen_in(outside, "sg-1", rows=rows)

    assert network.reads == 1


def test_machine_gets_the_ids_of_its_network_and_a_process_none(outside):
    driver, _, _ = seen_in(outside, rows=[])
    driver.create(in_groups("web", "db"))
    driver.create(in_groups("web", "lost", provider="local"))

    launched = [(each.subnet, each.security_groups) for each in outside.launched]
    assert launched == [("subnet-1", ("sg-1", "sg-2")), ("", ())]


def test_machine_is_not_launched_without_one_of_its_groups(outside):
    driver, _, _ = seen_in(outside, rows=[])

    with pytest.raises(RefusedError, match="is gone"):
        driver.create(in_groups("web", "lost"))


@pytest.mark.parametrize("group", ["new", "accepted"])
def test_machine_is_not_launched_before_ec2_shows_its_groups(outside, group):
    driver, _, _ = seen_in(outside, rows=[])

    with pytest.raises(AgainLaterError, match="not made yet") as later:
        driver.create(in_groups("web", group))
    assert later.value.nothing_done
