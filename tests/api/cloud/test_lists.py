"""Lists of what a tenant has made: a thousand, or pages with a token, and what they cost."""

import pytest

from chalicelib.cloud.compute.disk_model import SNAPSHOT, VOLUME
from chalicelib.platform.provisioning.model import NewResource
from tests.api.cloud.test_cloud_instances import ask, launch
from tests.support.cloud import ADA, BOB, CloudScene
from tests.support.instances import InstanceWorld
from tests.support.networks import NetworkScene

PAGED = (
    *("/instances", "/volumes", "/snapshots", "/vpcs", "/security-groups", "/route-tables", "/internet-gateways"),
    *("/nat-gateways", "/elastic-ips", "/vpc-peerings"),
)


@pytest.fixture
def networks():
    return NetworkScene()


def page(scene, path):
    answer = scene.send("GET", path)
    assert answer.status == 200, answer.text
    return [each.get("name") or each["id"] for each in answer.json["data"]], answer.json["meta"].get("next_token")


class TestPages:
    @pytest.mark.parametrize("path", PAGED)
    def test_each_list_takes_a_page_size_and_a_token_and_refuses_others(self, networks, path):
        assert page(networks, path + "?page_size=1&next_token=01a1fd8c-9bc8-7fee-8afc-f6c8cad02101") == ([], None)
        for wrong in ("page_size=0", "page_size=1001", "next_token=x"):
            assert networks.send("GET", f"{path}?{wrong}").status == 400

    def test_pages_of_vpcs_lead_from_the_newest_to_the_oldest(self, networks):
        for number in range(3):
            networks.vpc(f"v{number}", f"10.{number}.0.0/16")
            networks.world.clock.advance(1)
        assert page(networks, "/vpcs") == (["v2", "v1", "v0"], None)
        first, token = page(networks, "/vpcs?page_size=2")
        assert (first, page(networks, f"/vpcs?page_size=2&next_token={token}")) == (["v2", "v1"], (["v0"], None))

    def test_pages_of_one_vpc_hold_its_things_alone(self, networks):
        north, south = networks.vpc("north", "10.1.0.0/16"), networks.vpc("south", "10.2.0.0/16")
        for number, vpc in enumerate((north, south, north)):
            networks.group(vpc, f"g{number}")
            networks.world.clock.advance(1)
            networks.subnet(vpc, f"s{number}", f"10.{1 if vpc is north else 2}.{number}.0/24")
        first, token = page(networks, "/security-groups?vpc_id=north&page_size=1")
        assert (first, page(networks, f"/security-groups?vpc_id=north&next_token={token}")) == (["g2"], (["g0"], None))
        first, token = page(networks, f"/vpcs/{north['id']}/subnets?page_size=1")
        assert (first, page(networks, f"/vpcs/north/subnets?next_token={token}")) == (["s2"], (["s0"], None))


class TestInstances:
    @pytest.fixture
    def scene(self):
        return CloudScene(InstanceWorld())

    @pytest.fixture
    def granted(self, scene, team):
        scene.request("set_quotas", json={"max_instances": 9, "max_vcpus": 9, "max_memory_gb": 9})
        return team

    def test_page_of_a_tag_holds_instances_that_have_it(self, scene, granted):
        for number, role in enumerate(("web", "db", "web")):
            launch(scene, name=f"i{number}", labels={"role": role})
            scene.world.clock.advance(1)
        first = ask(scene, "list_cloud_instances", query={"tag": "role:web", "page_size": "1"}).json
        asked = {"tag": "role:web", "next_token": first["meta"]["next_token"]}
        rest = ask(scene, "list_cloud_instances", query=asked).json
        assert [[each["name"] for each in one["data"]] for one in (first, rest)] == [["i2"], ["i0"]]
        assert "next_token" not in rest["meta"]

    def test_token_with_a_slice_is_refused(self, scene, granted):
        asked = {"limit": "1", "next_token": "01a1fd8c-9bc8-7fee-8afc-f6c8cad02101"}
        refused = ask(scene, "list_cloud_instances", query=asked)
        assert refused.status == 400
        assert "next_token goes with page_size, not with limit and offset" in refused.text

    def test_snapshot_is_found_by_its_volumes_name_and_the_beginning_of_its_id(self, scene, granted):
        made = scene.world.platform.resources(granted).create(
            NewResource(
                kind=SNAPSHOT,
                name="database",
                owner="u",
                spec={"volume_id": "v", "volume_name": "database", "size_gb": 1, "zone": "eu-central-1a"},
            )
        )
        for wanted in ("database", made.id[:-1], made.id.upper()):
            found = scene.request("get_snapshot", variables={"snapshot_id": wanted}, key=scene.keys[BOB])
            assert found.json["data"]["id"] == made.id


@pytest.mark.parametrize(("number", "units"), [(10, 14.5), (1_200, 15.5)])
def test_first_page_of_volumes_costs_the_same_of_many(scene, team, number, units):
    own = scene.world.platform.resources(team)
    for each in range(number):
        own.create(NewResource(kind=VOLUME, name=f"v{each}", owner="u", spec={"size_gb": 1, "zone": "eu-central-1a"}))
    meter = scene.world.driver.meter
    meter.reset()
    answer = scene.request("list_volumes", key=scene.keys[ADA], query={"page_size": "10"})
    calls = meter.calls
    assert len(answer.json["data"]) == 10
    assert (len(calls), sum(call.read_units for call in calls)) == (5, units)
