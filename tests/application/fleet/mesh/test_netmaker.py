"""What the adapter makes of Netmaker's answers, beyond what the journeys show."""

import json

import pytest

from chalicelib.fleet.clusters.ranges import ranges_of
from chalicelib.fleet.mesh.master_key import MissingNetmakerKeyError, master_key_of
from chalicelib.fleet.vpn import names
from chalicelib.fleet.vpn.port import Joining, Member, Network
from chalicelib.kit.errors import EdgeError, Kind
from tests.support.fakes.netmaker_stub import MASTER_KEY
from tests.support.fakes.netmaker_world import NetmakerWorld, netmaker_world
from tests.support.world import World

NODE = "11111111-1111-4111-8111-11111111111a"
NORTH = Network("c-1", "north", "100.64.0.0/24")
ONE = Member(NODE, "north")
KEY = "01936d2c-0000-7000-8000-0123456789ab"
SOMEBODY = Joining(KEY, None)


@pytest.fixture
def world():
    with netmaker_world() as world:
        yield world


@pytest.fixture
def mesh(world):
    return world.fleet.mesh.netmaker


def kind_of(call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    return caught.value.kind


class TestNames:
    @pytest.mark.parametrize(
        ("name", "label"),
        [
            ("node-web.cluster-north.nm.internal", "web"),
            ("node-web.cluster-north", "web"),
            (f"node-{NODE}.cluster-north", NODE),
            ("node-.cluster-north", None),
            ("node-a.b.cluster-north", None),
            ("web.cluster-north", None),
            ("node-web.cluster-south", None),
            ("node-web.cluster-north.else.where", None),
        ],
    )
    def test_dns_name_is_reduced_to_its_alias_label(self, name, label):
        assert names.label_of(name, "north", "nm.internal") == label

    @pytest.mark.parametrize("host", ["admin-1", "node-web", f"node-{NODE.upper()}", NODE, f"xnode-{NODE}", ""])
    def test_host_name_without_a_node_id_yields_no_id(self, host):
        assert names.node_id_of(host) is None

    def test_host_name_of_a_node_yields_its_id(self):
        assert names.node_id_of(names.host_name(NODE)) == NODE
        assert (names.is_node_id(NODE), names.is_node_id("web")) == (True, False)


class TestNetworks:
    def test_network_is_recorded_before_creation_and_created_once(self, world, mesh):
        seen = []
        world.netmaker.before = lambda method, _: (
            method == "POST" and seen.append(world.fleet.mesh.networks.page(None, 9))
        )

        assert (mesh.make_network(NORTH), mesh.make_network(NORTH)) == (True, False)
        assert [[row.name for row in rows] for rows in seen] == [["north"]]

    def test_network_created_concurrently_by_others_is_adopted(self, world, mesh):
        def faster(method, path):
            if method == "POST":
                world.netmaker.networks["cluster-north"] = "100.64.0.0/24"

        world.netmaker.before = faster
        assert mesh.make_network(NORTH) is False

    def test_network_range_refused_by_netmaker_is_a_conflict(self, world, mesh):
        world.netmaker.networks["theirs"] = "100.64.0.0/16"

        assert kind_of(mesh.make_network, NORTH) is Kind.CONFLICT
        assert world.fleet.mesh.networks.find("north") is None, "not ours: it was never made"
        assert kind_of(mesh.join_token, NORTH, SOMEBODY) is Kind.UNAVAILABLE

    def test_network_still_being_deleted_is_unavailable(self, world, mesh):
        mesh.make_network(NORTH)
        world.netmaker.deletes_busy = False
        world.netmaker.enter(world.netmaker.host("printer"), "cluster-north")
        again = Network("c-2", "north", "100.65.0.0/24")

        assert kind_of(mesh.make_network, again) is Kind.UNAVAILABLE
        assert kind_of(mesh.remove_network, "north") is Kind.UNAVAILABLE, "a host that is not ours holds it"
        assert world.netmaker.networks == {"cluster-north": "100.64.0.0/24"}

        world.netmaker.members.clear()
        assert mesh.make_network(again) is True

    def test_network_deleted_asynchronously_is_ours_until_it_is_gone(self, world, mesh):
        mesh.make_network(NORTH)
        world.netmaker.deletes_later = True

        assert kind_of(mesh.remove_network, "north") is Kind.UNAVAILABLE
        assert world.fleet.mesh.networks.find("north") is not None
        assert "100.64.0.0/24" not in mesh.taken_ranges("north"), "its name may be taken again meanwhile"

        world.netmaker.deletes_later = False
        assert mesh.remove_network("north") is True
        assert world.fleet.mesh.networks.find("north") is None

    def test_network_created_earlier_by_others_is_theirs_after_a_crash(self, world, mesh):
        """The function died between its note and the creation, which Netmaker would have refused."""
        world.fleet.mesh.networks.note_made("north", NORTH.cluster_id)
        world.netmaker.networks["cluster-north"] = "100.99.0.0/24"

        assert kind_of(mesh.make_network, NORTH) is Kind.CONFLICT
        assert mesh.remove_network("north") is False
        assert world.netmaker.networks == {"cluster-north": "100.99.0.0/24"}

    def test_network_removal_removes_our_hosts_first(self, world, mesh):
        world.netmaker.deletes_busy = False
        mesh.make_network(NORTH)
        world.netmaker.enter(world.netmaker.host(names.host_name(NODE)), "cluster-north")

        assert mesh.remove_network("north") is True
        assert mesh.remove_network("north") is False
        assert (world.netmaker.networks, world.netmaker.members) == ({}, {})

    def test_ranges_other_than_ipv4_are_ignored(self):
        found = ranges_of(["100.64.0.0/24", "100.64.1.7/24", "", "fd00::/8", "nonsense"])
        assert [each.cidr for each in found] == ["100.64.0.0/24", "100.64.1.0/24"]


class TestTokens:
    def test_join_tokens_are_single_use_and_network_checks_cached_a_minute(self, world, mesh):
        tokens = [mesh.join_token(NORTH, SOMEBODY) for _ in range(3)]
        made = [key for key in world.netmaker.keys if key["token"] in tokens]

        assert len(set(tokens)) == len(made) == 3
        assert [(key["uses_remaining"], key["unlimited"], key["networks"]) for key in made] == (
            [(1, False, ["cluster-north"])] * 3
        )
        assert len(world.netmaker.asked("GET", "networks/cluster-north")) == 1
        world.clock.advance(60)
        mesh.join_token(NORTH, SOMEBODY)
        assert len(world.netmaker.asked("GET", "networks/cluster-north")) == 2
        assert tokens[0] not in repr(mesh)

    def test_given_join_token_is_found_by_key_and_node(self, world, mesh):
        mine = Joining(KEY, NODE)
        assert mesh.given_token(mine) is None
        mesh.join_token(NORTH, SOMEBODY)
        token = mesh.join_token(NORTH, mine)

        assert mesh.given_token(mine) == token
        assert mesh.given_token(Joining("another", NODE)) is None
        assert mesh.given_token(Joining(KEY, "another")) is None
        assert mesh.given_token(SOMEBODY) is None
        world.clock.advance(60)
        assert mesh.given_token(mine) == token
        newer = mesh.join_token(NORTH, mine)
        assert mesh.given_token(mine) == newer

    def test_expired_join_keys_are_removed_and_others_kept(self, world, mesh):
        mesh.make_network(NORTH)
        (default,) = world.netmaker.keys
        world.netmaker.keys.append({**default, "value": "theirs", "tags": ["join-us"]})
        mesh.join_token(NORTH, SOMEBODY)
        world.clock.advance(3600)
        mesh.join_token(NORTH, Joining(KEY, NODE))
        world.clock.advance(23 * 3600)

        assert mesh.remove_join_keys() == 1
        assert [key["tags"][0] for key in world.netmaker.keys][:2] == ["cluster-north", "join-us"]
        assert mesh.given_token(Joining(KEY, NODE)) is not None
        world.clock.advance(3600)
        assert (mesh.remove_join_keys(), len(world.netmaker.keys)) == (1, 2)

    def test_join_keys_of_an_enrollment_key_are_removed(self, world, mesh):
        mesh.join_token(NORTH, Joining(KEY, NODE))
        mesh.join_token(NORTH, Joining(KEY, None))
        other = mesh.join_token(NORTH, Joining("another", NODE))

        assert mesh.remove_join_keys(KEY) == 2
        assert [key["token"] for key in world.netmaker.keys if not key["unlimited"]] == [other]

    def test_join_key_already_deleted_counts_as_removed(self, world, mesh):
        mesh.join_token(NORTH, Joining(KEY, NODE))
        before = list(world.netmaker.keys)
        world.netmaker.before = lambda method, _path: method == "DELETE" and world.netmaker.keys.clear()

        assert mesh.remove_join_keys(KEY) == 1
        assert len(before) == 2

    def test_join_token_refused_by_netmaker_is_unavailable(self, world, mesh):
        world.server.trouble(method="POST", path="enrollment-keys", status=400)

        assert kind_of(mesh.join_token, NORTH, SOMEBODY) is Kind.UNAVAILABLE


class TestHosts:
    def test_host_without_an_address_is_not_a_member_yet(self, world, mesh):
        mesh.make_network(NORTH)
        host = world.netmaker.host(names.host_name(NODE))
        assert (mesh.host_of(ONE), kind_of(mesh.require_address, ONE)) == (None, Kind.CONFLICT)

        world.netmaker.enter(host, "cluster-north", "")
        assert (mesh.host_of(ONE), kind_of(mesh.require_address, ONE)) == (None, Kind.CONFLICT)
        mesh.record_name("web", ONE)
        assert world.netmaker.names == {}

        world.netmaker.enter(host, "cluster-north")
        assert mesh.host_of(ONE).id == host
        mesh.require_address(ONE)

    def test_newest_of_two_hosts_with_one_name_counts(self, world, mesh):
        """A machine that was set up anew joins as another host; Netmaker keeps the old one."""
        mesh.make_network(NORTH)
        old, new = (world.netmaker.host(names.host_name(NODE)) for _ in range(2))
        for host in (old, new):
            world.netmaker.enter(host, "cluster-north")
        world.netmaker.checked_in[new] = 1_700_000_000

        assert mesh.host_of(ONE).id == new
        mesh.record_name("web", ONE)
        assert world.names_in("north") == {"web": "100.64.0.2"}

    def test_host_that_is_leaving_is_ignored(self, world, mesh):
        mesh.make_network(NORTH)
        leaving, back = (world.netmaker.host(names.host_name(NODE)) for _ in range(2))
        for host in (leaving, back):
            world.netmaker.enter(host, "cluster-north")
        world.netmaker.leaving.add(leaving)

        assert mesh.host_of(ONE).id == back

    def test_host_lookup_of_a_stranger_takes_one_request(self, world, mesh):
        mesh.make_network(NORTH)
        world.netmaker.requests.clear()

        assert mesh.host_of(ONE) is None
        assert world.netmaker.requests == [("GET", "/api/dns/adm/cluster-north/nodes")]


class TestMasterKey:
    def test_given_master_key_is_used_without_reading_the_secret(self):
        with netmaker_world(keys_secret_arn="arn:secret") as world:
            world.fleet.mesh.netmaker.require_answer("north")  # reads no secret: the world has none
            assert world.netmaker.requests == [("GET", "/api/networks/cluster-north")]

    def test_netmaker_master_key_is_read_from_the_keys_secret(self):
        found = master_key_of({"MASTER_KEY": "ours", "NETMAKER_MASTER_KEY": MASTER_KEY})
        assert found.get_secret_value() == MASTER_KEY
        assert MASTER_KEY not in repr(found)

    def test_missing_netmaker_master_key_is_an_error(self):
        with pytest.raises(MissingNetmakerKeyError):
            master_key_of({"MASTER_KEY": "ours"})

    def test_rotated_master_key_is_read_again_after_a_refusal(self):
        with netmaker_world(keys_secret_arn="arn:secret", netmaker_master_key=None) as world:
            stored = {"MASTER_KEY": "ours", "NETMAKER_MASTER_KEY": "old"}
            world.read_secret = lambda arn: json.dumps(stored)
            with pytest.raises(EdgeError):
                world.fleet.mesh.netmaker.require_answer("north")
            stored["NETMAKER_MASTER_KEY"] = MASTER_KEY
            world.clock.advance(5)
            world.fleet.mesh.netmaker.require_answer("north")
            assert {"with a wrong key" in wrong for wrong in world.netmaker.wrong} == {True}
            world.netmaker.wrong.clear()

    def test_settings_do_not_print_the_master_key(self, world):
        assert MASTER_KEY not in f"{world.platform.settings!r} {world.platform.settings.model_dump_json()}"


def test_vpn_mode_setting_selects_the_mesh_and_checks_its_url(world):
    assert (World().fleet.vpn.is_mesh, world.fleet.vpn.is_mesh) == (False, True)
    assert isinstance(world, NetmakerWorld)
    with pytest.raises(ValueError, match="NETMAKER_API_URL"):
        World(vpn_mode="netmaker")
    for url in ("ftp://nm", "https://user@nm", "https://nm/?x", "nm"):
        with pytest.raises(ValueError, match="netmaker_api_url"):
            World(vpn_mode="netmaker", netmaker_api_url=url)
