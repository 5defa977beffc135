"""What the engine relies on, whatever the provider: the same tests run on all of them."""

import pytest

from chalicelib.machines.providers.ports import Launch
from chalicelib.platform.provisioning.model import Seen
from tests.stores.machines.providers.offers import emulated, local, strict
from tests.support.machines import EC2_MACHINE, INSTANCE_ID, OTHER_ID, instance


@pytest.fixture(params=["strict", "emulator", "local"])
def place(request, tmp_path):
    if request.param == "local":
        with local(tmp_path) as found:
            yield found
    else:
        yield strict() if request.param == "strict" else emulated(request.getfixturevalue("emulator"))


def launch_of(instance_id=INSTANCE_ID):
    return Launch(instance_id, "tenant-1", "brisk-otter", "eu-central-1a", EC2_MACHINE, None)


def seen(place, row):
    found = place.provider.look([row]).get(row.id)
    return Seen.MISSING if found is None else found.seen


@pytest.fixture
def row(place):
    """An instance whose machine runs."""
    external = place.provider.launch(launch_of())
    made = instance(external=external)
    place.until(lambda: seen(place, made) is Seen.READY)
    return made


def test_launched_machine_becomes_ready_and_is_found_by_its_instance_alone(place):
    external = place.provider.launch(launch_of())
    unaware = instance()
    place.until(lambda: seen(place, unaware) is Seen.READY)
    found = place.provider.look([unaware])[unaware.id]

    assert found.external == external
    assert found.facts["internal_ip"]


def test_launch_that_is_repeated_at_once_makes_no_second_machine(place):
    if not place.keeps_tokens:
        pytest.skip("the emulator ignores client tokens")
    assert place.provider.launch(launch_of()) == place.provider.launch(launch_of())
    row = instance()
    place.until(lambda: seen(place, row) is Seen.READY)

    assert len(list(place.provider.tagged())) == 1


def test_look_at_several_finds_each_and_omits_what_is_not_there(place, row):
    other = instance(OTHER_ID, external=place.provider.launch(launch_of(OTHER_ID)))
    missing = instance("019ac1e5-7d00-7000-8000-000000000003", external={"id": "i-0123456789abcdef0"})
    place.until(lambda: seen(place, other) is Seen.READY)
    found = place.provider.look([row, other, missing])

    assert found.keys() == {row.id, other.id}
    assert found[row.id].external != found[other.id].external


def test_stopped_machine_starts_again_and_repeats_change_nothing(place, row):
    place.provider.stop(row)
    place.provider.stop(row)
    place.until(lambda: seen(place, row) is Seen.STOPPED)
    place.provider.start(row)
    place.provider.start(row)
    place.until(lambda: seen(place, row) is Seen.READY)

    assert place.provider.look([row])[row.id].external == row.external


def test_reset_machine_is_ready_again_as_the_same_one(place, row):
    place.provider.reset(row.model_copy(update={"generation": 2, "act": "reset"}))
    place.until(lambda: seen(place, row) is Seen.READY)

    assert place.provider.look([row])[row.id].external == row.external


def test_terminated_machine_goes_and_a_repeat_is_a_success(place, row):
    place.provider.terminate(row)
    place.provider.terminate(row)
    place.until(lambda: seen(place, row) in {Seen.ENDED, Seen.MISSING})
    place.provider.terminate(row)

    assert not list(place.provider.tagged())


@pytest.mark.parametrize("place", ["strict"], indirect=True)
@pytest.mark.parametrize("minutes", [10, 90])
def test_machine_that_has_lost_its_tags_or_is_forgotten_needs_no_end(place, row, minutes):
    place.provider.terminate(row)
    place.advance(60 * minutes)
    place.provider.terminate(row)
    assert not list(place.provider.tagged())


def test_machine_whose_launch_got_no_answer_is_terminated_by_its_instance(place, row):
    place.provider.terminate(row.model_copy(update={"external": {}}))
    place.until(lambda: seen(place, row) in {Seen.ENDED, Seen.MISSING})


def test_termination_of_nothing_is_a_success(place):
    place.provider.terminate(instance())


def test_tagged_machines_name_tenant_instance_and_place(place, row):
    (found,) = place.provider.tagged()

    assert (found.tenant, found.resource_id, found.external_id) == ("tenant-1", row.id, row.external["id"])
    assert found.since.endswith("Z")
    assert found.zone
    assert found.price_per_hour == ("" if place.name == "local" else "0.0230 USD")
