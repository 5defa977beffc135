"""How a thing of a tenant is found: by its id, its name, or the beginning of its id."""

import pytest

from chalicelib.cloud.named import Named
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Tables
from chalicelib.platform.provisioning.claim_store import CLAIMS
from chalicelib.platform.provisioning.model import NewResource, State
from chalicelib.platform.provisioning.resource_store import ResourceStore
from chalicelib.platform.provisioning.service import Resources
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.quotas.service import Quotas
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.fakes.dynamo import FakeDynamo

IDS = (
    "01a1fd8c-0000-7000-8000-000000000001",
    "01a1fd8c-0000-7000-8000-000000000002",
    "01a1ff00-0000-7000-8000-000000000001",
)


@pytest.fixture
def driver(clock):
    return FakeDynamo([RESOURCES, CLAIMS, QUOTAS], clock)


@pytest.fixture
def store(driver, clock, ids):
    tables = Tables(driver, clock, ids)
    return ResourceStore(tables, Quotas(tables, clock))


@pytest.fixture
def resources(store, clock, ids):
    return lambda tenant: Resources(tenant, store, clock, ids)


@pytest.fixture
def boxes(resources):
    """Boxes a, b and c of a tenant, whose names are claims, and d of another."""
    for tenant, name, box_id in (*zip(("one",) * 3, "abc", IDS, strict=True), ("two", "d", IDS[0][:-1] + "9")):
        new = NewResource(kind="red_box", name=name, owner="u", spec={}, id=box_id, claims=(f"box-name/{name}",))
        resources(tenant).create(new)
    return Named(resources, "red_box", "box-name")


def refused(call):
    with pytest.raises(EdgeError) as raised:
        call()
    return raised.value


@pytest.mark.parametrize("wanted", ["c", IDS[2], IDS[2].upper(), "01a1ff", "01A1FF00-", IDS[2][:-1]])
def test_thing_is_found_by_its_id_its_name_and_the_beginning_of_its_id(boxes, wanted):
    assert boxes.get("one", wanted).name == "c"


@pytest.mark.parametrize("wanted", ["d", "e", "01a", "01a2", "01a1ff00-0000-7000-8000-000000000009", "x" * 64, "----"])
def test_text_that_no_thing_of_the_tenant_has_is_not_found(boxes, wanted):
    assert refused(lambda: boxes.get("one", wanted)).kind is Kind.NOT_FOUND


def test_beginning_of_several_ids_is_refused_with_what_to_do(boxes):
    error = refused(lambda: boxes.get("one", "01a1fd8c"))
    assert error.details == {"red_box_id": ["'01a1fd8c' is that of several: give the whole id"]}


def test_thing_of_another_tenant_is_not_found_by_its_id_name_or_beginning(boxes):
    for wanted in (IDS[0], "a", IDS[0][:-2], "01a1ff"):
        assert refused(lambda wanted=wanted: boxes.get("three", wanted)).kind is Kind.NOT_FOUND


def test_name_goes_before_the_beginning_of_an_id(boxes, resources):
    new = NewResource(kind="red_box", name="01a1ff", owner="u", spec={}, claims=("box-name/01a1ff",))
    made = resources("one").create(new)
    assert boxes.get("one", "01a1ff").id == made.id


def test_name_that_several_may_have_finds_the_only_one(resources):
    tins = Named(resources, "tin", shares_names=True)
    made = [resources("one").create(NewResource(kind="tin", name=name, owner="u", spec={})) for name in "xyy"]
    assert tins.get("one", "x").id == made[0].id
    assert refused(lambda: tins.get("one", "y")).details == {"tin_id": ["'y' is that of several: give the whole id"]}


def test_gone_thing_is_found_by_nothing_and_makes_no_beginning_ambiguous(boxes, resources, store, clock):
    gone = resources("one").get("red_box", IDS[0])
    store.follow(gone, gone.model_copy(update={"state": State.GONE, "is_released": True}), clock.now())
    assert boxes.get("one", "01a1fd8c").name == "b"
    for wanted in ("a", IDS[0]):
        assert refused(lambda wanted=wanted: boxes.get("one", wanted)).kind is Kind.NOT_FOUND


def test_beginning_is_found_by_a_query_and_a_read_among_many(boxes, resources, driver):
    for number in range(300):
        resources("one").create(NewResource(kind="red_box", name=f"n{number}", owner="u", spec={}))
    driver.meter.reset()
    boxes.get("one", "01a1ff")
    assert [call.operation for call in driver.meter.calls] == ["GetItem", "Query", "BatchGetItem"]
