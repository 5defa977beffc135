"""Users of whole clusters: let in on every node of it, and nowhere else."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.ssh.group_model import Credentials, NewGroupUser
from chalicelib.fleet.ssh.group_store import GROUP_USERS
from chalicelib.fleet.ssh.model import NewKey
from chalicelib.fleet.ssh.rules import one_group_only
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import EdgeError, Kind, not_found, taken
from chalicelib.kit.listing import ListRequest
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import a_cluster, machines
from tests.support.ssh_keys import ed25519_key


@pytest.fixture
def world():
    return SshWorld()


def refused(call):
    with pytest.raises(EdgeError) as error:
        call()
    return error.value


class TestLogin:
    def test_user_of_a_cluster_is_let_in_on_nodes_that_join_later(self, world):
        world.group_user("deploy", ed25519_key(1))
        (later,) = machines(world, 1)

        assert world.lets_in("deploy", key=ed25519_key(1))
        assert world.lets_in("deploy", key=ed25519_key(1), machine=later)
        assert not world.lets_in("deploy", key=ed25519_key(2))

    def test_user_of_a_cluster_is_not_let_in_once_the_node_has_moved(self, world):
        world.group_user("deploy", ed25519_key(1))
        a_cluster(world, "south")
        world.fleet.nodes.placing.change_cluster(world.node_id, "south", reach=EVERYWHERE)

        assert not world.lets_in("deploy", key=ed25519_key(1))

    def test_user_of_a_label_is_let_in_on_nodes_that_have_it(self, world):
        (other,) = machines(world, 1)
        new = NewGroupUser("deploy", label="env:prod", public_keys=(NewKey("k", ed25519_key(1)),))
        world.fleet.ssh.group_users.create(new, reach=EVERYWHERE)
        world.fleet.nodes.labelling.change(other.id, {"env": "prod"}, reach=EVERYWHERE)

        assert world.lets_in("deploy", key=ed25519_key(1), machine=other)
        assert not world.lets_in("deploy", key=ed25519_key(1))
        world.fleet.nodes.labelling.change(other.id, {"env": "test"}, reach=EVERYWHERE)
        assert not world.lets_in("deploy", key=ed25519_key(1), machine=other)

    def test_password_of_the_node_replaces_that_of_its_cluster(self, world):
        world.group_user("deploy", ed25519_key(1), password=PASSWORD)
        world.username("deploy", ed25519_key(2), password=PASSWORD + "!")

        assert world.lets_in("deploy", password=PASSWORD + "!")
        assert not world.lets_in("deploy", password=PASSWORD)
        assert world.lets_in("deploy", key=ed25519_key(1))
        assert world.lets_in("deploy", key=ed25519_key(2))

    def test_login_of_a_group_user_is_noted_once_a_minute(self, world):
        made = world.group_user("deploy", ed25519_key(1))
        world.lets_in("deploy", key=ed25519_key(1))
        world.lets_in("deploy", key=ed25519_key(1))

        noted = world.fleet.ssh.group_users.get(made.id, reach=EVERYWHERE)
        assert noted.last_verified_at == "2026-11-21T10:00:00Z"
        assert noted.version == 2


class TestChange:
    def test_new_credentials_are_the_only_ones(self, world):
        made = world.group_user("deploy", ed25519_key(1), password=PASSWORD)
        keys = Credentials(public_keys=(NewKey("new", ed25519_key(2)),))
        world.fleet.ssh.group_users.change(made.id, keys, reach=EVERYWHERE)

        assert not world.lets_in("deploy", key=ed25519_key(1))
        assert world.lets_in("deploy", key=ed25519_key(2))
        assert world.lets_in("deploy", password=PASSWORD)

    def test_password_can_be_taken_away(self, world):
        made = world.group_user("deploy", password=PASSWORD)
        world.fleet.ssh.group_users.change(made.id, Credentials(keeps_password=False), reach=EVERYWHERE)

        assert not world.lets_in("deploy", password=PASSWORD)

    def test_concurrent_changes_of_different_credentials_both_hold(self, world):
        made = world.group_user("deploy", ed25519_key(1))
        users = world.fleet.ssh.group_users

        def meanwhile():
            users.change(made.id, Credentials(password=Secret(PASSWORD), keeps_password=False), reach=EVERYWHERE)

        world.driver.before_next(meanwhile, operation="UpdateItem", table=GROUP_USERS)
        users.change(made.id, Credentials(public_keys=(NewKey("new", ed25519_key(2)),)), reach=EVERYWHERE)

        assert world.lets_in("deploy", password=PASSWORD)
        assert world.lets_in("deploy", key=ed25519_key(2))


class TestRefusals:
    def test_group_user_of_no_group_or_of_two_is_refused(self, world):
        for new in (NewGroupUser("deploy"), NewGroupUser("deploy", cluster_name="north", label="env:prod")):
            error = refused(lambda new=new: world.fleet.ssh.group_users.create(new, reach=EVERYWHERE))
            assert error.details == one_group_only().details

    def test_second_user_of_a_name_in_a_group_conflicts(self, world):
        world.group_user("deploy")
        a_cluster(world, "south")
        world.group_user("deploy", cluster="south")

        assert refused(lambda: world.group_user("deploy")).message == taken("username").message

    def test_label_is_refused_to_a_restricted_caller(self, world):
        reach = Reach(frozenset({world.machine.node.cluster_id}))
        new = NewGroupUser("deploy", label="env:prod")

        assert refused(lambda: world.fleet.ssh.group_users.create(new, reach=reach)).kind is Kind.FORBIDDEN

    def test_users_of_labels_and_of_other_clusters_are_hidden_by_reach(self, world):
        a_cluster(world, "south")
        mine, theirs = world.group_user("deploy"), world.group_user("deploy", cluster="south")
        users = world.fleet.ssh.group_users
        labelled = users.create(NewGroupUser("deploy", label="env:prod"), reach=EVERYWHERE)
        reach = Reach(frozenset({world.machine.node.cluster_id}))

        assert [user.id for user in users.list_page(ListRequest(), reach=reach).items] == [mine.id]
        assert len(users.list_page(ListRequest(), reach=EVERYWHERE).items) == 3
        for hidden in (theirs, labelled):
            assert refused(lambda hidden=hidden: users.get(hidden.id, reach=reach)).kind is not_found().kind


class TestEnd:
    def test_deleted_cluster_takes_its_users_along(self, world):
        a_cluster(world, "south")
        world.group_user("deploy", cluster="south")
        world.fleet.clusters.delete("south", reach=EVERYWHERE)
        world.settle()

        assert world.driver.rows(GROUP_USERS) == []
