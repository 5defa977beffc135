"""The driver of elastic IPs, on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chalicelib.cloud.network.address_driver import AddressDriver
from chalicelib.cloud.network.address_model import ADDRESS, AddressSpec
from chalicelib.cloud.network.address_rules import MATCHES
from chalicelib.machines.providers.ports import Launch
from chalicelib.platform.provisioning.model import Desired, Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError, ProviderError, RefusedError
from tests.stores.machines.providers.offers import emulated, strict
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import STAGE, FakeEc2
from tests.support.machines import EC2_MACHINE, INSTANCE_ID, OTHER_ID, instance

MADE = "2026-11-21T10:00:00Z"
ADDRESS_ID, GATEWAY_ID = "019ac1e5-7d00-7000-8000-000000000031", "019ac1e5-7d00-7000-8000-000000000032"


@dataclass
class Addresses:
    """The driver on one provider, with the rows that it finds."""

    machines: object
    driver: AddressDriver
    rows: dict[str, Resource] = field(default_factory=dict)
    until: Callable[[Callable[[], bool]], None] = lambda _: None

    def address(self, **spec: str) -> Resource:
        wanted = AddressSpec.model_validate(spec).model_dump(mode="json")
        external = self.rows[ADDRESS_ID].external if ADDRESS_ID in self.rows else {}
        return row(spec=wanted, external=external)

    def made(self) -> Resource:
        """The row once its address is there."""
        made = self.address().model_copy(update={"external": {**self.driver.create(self.address())}})
        self.rows[ADDRESS_ID] = made
        self.until(lambda: self.look(made).seen is Seen.READY)
        return made

    def look(self, resource: Resource):
        return self.driver.observe([resource])[resource.id]

    def machine(self, instance_id: str = INSTANCE_ID) -> Resource:
        """An instance whose machine runs."""
        launch = Launch(instance_id, "tenant-1", "brisk-otter", "eu-central-1a", EC2_MACHINE, None)
        made = instance(instance_id, external=self.machines.launch(launch))
        self.rows[instance_id] = made

        def runs():
            seen = self.machines.look([made]).get(instance_id)
            return seen is not None and seen.seen is Seen.READY

        self.until(runs)
        return made

    def change_until_it_matches(self, resource: Resource) -> None:
        """Change it as the engine does."""

        def step():
            seen = self.look(resource)
            try:
                self.driver.change(resource, seen)
            except AgainLaterError:
                return False
            return self.look(resource).facts[MATCHES]

        self.until(step)


def row(**more):
    return Resource(id=ADDRESS_ID, tenant="tenant-1", kind=ADDRESS, name="a", inserted_at=MADE, updated_at=MADE, **more)


def on(place):
    client, rows = place.provider._client, {}  # noqa: SLF001 - the provider's own client, for both drivers
    driver = AddressDriver(client, STAGE, lambda _tenant, ids: [rows[each] for each in ids if each in rows])
    return Addresses(place.provider, driver, rows, place.until)


@pytest.fixture(params=["strict", "emulator"])
def addresses(request):
    if request.param == "strict":
        return on(strict())
    emulator = request.getfixturevalue("emulator")
    emulator.reset()
    return on(emulated(emulator))


def test_address_is_made_seen_by_its_tag_and_released(addresses):
    made = addresses.made()
    seen = addresses.look(addresses.address().model_copy(update={"external": {}}))
    assert (seen.external, seen.facts[MATCHES], seen.facts["associated"]) == (made.external, True, [])
    assert seen.facts["public_ip"].count(".") == 3
    assert [(each.resource_id, each.external_id) for each in addresses.driver.tagged()] == [
        (ADDRESS_ID, made.external["id"])
    ]
    for _ in range(2):
        addresses.driver.delete(made)
        addresses.until(lambda: addresses.look(made).seen is Seen.MISSING)
    assert list(addresses.driver.tagged()) == []


def test_address_is_moved_as_its_row_says_and_taken_away_again(addresses):
    addresses.machine()
    other = addresses.machine(OTHER_ID)
    addresses.made()
    addresses.change_until_it_matches(addresses.address(instance_id=INSTANCE_ID))
    moved = addresses.address(instance_id=OTHER_ID)
    assert addresses.look(moved).facts[MATCHES] is False
    addresses.change_until_it_matches(moved)
    assert addresses.look(moved).facts["associated"][0] == other.external["id"]
    addresses.change_until_it_matches(addresses.address())
    assert addresses.look(addresses.address()).facts["associated"] == []


def test_address_of_an_instance_is_released_all_the_same(addresses):
    addresses.machine()
    made = addresses.made()
    addresses.change_until_it_matches(addresses.address(instance_id=INSTANCE_ID))
    addresses.driver.delete(made)
    addresses.until(lambda: addresses.look(made).seen is Seen.MISSING)


def test_deletion_of_nothing_is_a_success(addresses):
    addresses.driver.delete(addresses.address())
    addresses.driver.delete(row(spec={}, external={"id": "eipalloc-0a1b2c3d4e5f60718"}))


def test_instance_that_is_not_made_yet_is_waited_for_and_a_gone_one_refused(addresses):
    addresses.made()
    wanted = addresses.address(instance_id=INSTANCE_ID)
    addresses.rows[INSTANCE_ID] = instance()
    with pytest.raises(AgainLaterError) as later:
        addresses.driver.change(wanted, addresses.look(wanted))
    assert later.value.nothing_done
    for update in ({"desired": Desired.ABSENT}, {"is_released": True}):
        addresses.rows[INSTANCE_ID] = instance(external={"id": "i-1"}).model_copy(update=update)
        with pytest.raises(RefusedError, match="disassociate the address"):
            addresses.driver.change(wanted, addresses.look(wanted))


def test_gateway_of_the_vpc_is_waited_for(addresses):
    addresses.machine()
    addresses.made()
    wanted = addresses.address(instance_id=INSTANCE_ID, vpc_id="any", gateway_id=GATEWAY_ID)
    addresses.rows[GATEWAY_ID] = row(spec={}).model_copy(update={"id": GATEWAY_ID, "state": State.CHANGING})
    with pytest.raises(AgainLaterError):
        addresses.driver.change(wanted, addresses.look(wanted))
    addresses.rows[GATEWAY_ID] = row(spec={}, external={"id": "igw-1"}).model_copy(
        update={"id": GATEWAY_ID, "state": State.READY}
    )
    addresses.change_until_it_matches(wanted)


def test_address_that_something_else_has_is_not_taken_from_it():
    place = strict()
    addresses = on(place)
    addresses.machine()
    made = addresses.made()
    place.provider._client.occupy(made.external["id"])  # noqa: SLF001
    wanted = addresses.address(instance_id=INSTANCE_ID)
    with pytest.raises(AgainLaterError, match="something else"):
        addresses.driver.change(wanted, addresses.look(wanted))
    with pytest.raises(AgainLaterError, match="with something"):
        addresses.driver.delete(made)


def test_address_that_a_going_gateway_still_has_is_released_later():
    place = strict()
    addresses = on(place)
    made = addresses.made()
    place.provider._client.fail("ReleaseAddress", "AuthFailure")  # noqa: SLF001
    with pytest.raises(AgainLaterError, match="something that goes"):
        addresses.driver.delete(made)
    addresses.driver.delete(made)


def test_a_hundred_addresses_are_seen_in_one_call():
    client = FakeEc2(FakeClock())
    driver = AddressDriver(client, STAGE, lambda _tenant, _ids: [])
    rows = [row(spec={}).model_copy(update={"id": f"019ac1e5-7d00-7000-8000-{each:012x}"}) for each in range(100)]
    assert {each.seen for each in driver.observe(rows).values()} == {Seen.MISSING}
    assert [operation for operation, _ in client.calls] == ["DescribeAddresses"]


def test_limit_of_the_account_is_refused_with_its_remedy():
    client = FakeEc2(FakeClock(), address_limit=0)
    with pytest.raises(ProviderError, match="5 unless it was raised"):
        AddressDriver(client, STAGE, lambda _tenant, _ids: []).create(row(spec={}))
