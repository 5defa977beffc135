"""Who is let in, at which price, and what is told about it."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.model import AuthMethod, Credential
from chalicelib.fleet.ssh.rules import ALLOWANCES
from chalicelib.fleet.ssh.store import USERNAMES
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import EdgeError, Kind
from tests.application.fleet.ssh.world import PASSWORD, SshWorld
from tests.support.builders import machines
from tests.support.ssh_keys import ecdsa_key, ed25519_key, relabelled, rsa_key
from tests.support.world import fleet_of

EVENT = "edge.ssh_username.verified"


@pytest.fixture
def world():
    return SshWorld()


def told(world):
    """The payloads of all verification events so far."""
    world.settle()
    return [one["data"] for one in world.bus_client.envelopes if one["type"] == EVENT]


def refusal(world, **presented):
    with pytest.raises(EdgeError) as refused:
        world.lets_in("deploy", **presented)
    assert refused.value.kind is Kind.RATE_LIMITED
    return refused.value.retry_after_seconds


def spend(world, method=AuthMethod.PASSWORD):
    """Fail as often as a node may at once."""
    presented = {"password": "wrong"} if method is AuthMethod.PASSWORD else {"key": "wrong"}
    return [world.lets_in("deploy", **presented) for _ in range(ALLOWANCES[method].burst)]


class TestAnswers:
    def test_login_with_the_password_succeeds(self, world):
        world.username("deploy", ed25519_key(1), password=PASSWORD)

        assert world.lets_in("deploy", password=PASSWORD)
        assert not world.lets_in("deploy", password=PASSWORD + " ")
        assert not world.lets_in("deploy", password=ed25519_key(1))

    @pytest.mark.parametrize("line", [ed25519_key(1), ecdsa_key(384), rsa_key(3072)])
    def test_login_with_any_key_of_the_username_succeeds(self, world, line):
        world.username("deploy", ed25519_key(7), line, ed25519_key(8))

        assert world.lets_in("deploy", key=line)
        assert world.lets_in("deploy", key=" ".join(line.split()[:2]) + "\tanother comment")
        assert not world.lets_in("deploy", key=ed25519_key(2))

    @pytest.mark.parametrize(
        "offered",
        [
            "x",
            "ssh-ed25519",
            "ssh-ed25519 ",
            "ssh-ed25519  ",
            relabelled(ed25519_key(1), "ssh-rsa"),
            ed25519_key(1).split()[1],
            "AAAA",
            "sk-ssh-ed25519@openssh.com AAAA",
        ],
    )
    def test_login_with_a_malformed_key_fails(self, world, offered):
        world.username("deploy", ed25519_key(1))

        assert not world.lets_in("deploy", key=offered)

    @pytest.mark.parametrize("name", ["*", "dep*", "deploy,root", "Deploy", "deploy ", "DEPLOY", "%", "deplo_"])
    def test_login_with_a_name_not_exactly_equal_fails(self, world, name):
        world.username("deploy", ed25519_key(1), password=PASSWORD)

        assert not world.lets_in(name, password=PASSWORD)
        assert not world.lets_in(name, key=ed25519_key(1))

    def test_login_on_another_node_fails(self, world):
        (other,) = machines(world, 1)
        world.username("deploy", password=PASSWORD)

        assert not world.lets_in("deploy", password=PASSWORD, machine=other)

    def test_login_to_a_username_without_credentials_fails(self, world):
        world.username("deploy")

        assert not world.lets_in("deploy", password="x")
        assert not world.lets_in("deploy", key=ed25519_key(1))


class TestTime:
    @pytest.mark.parametrize("name", ["deploy", "keyed", "nobody", "*"])
    def test_password_login_hashes_once_for_known_and_unknown_names(self, world, name):
        world.username("deploy", password=PASSWORD)
        world.username("keyed", ed25519_key(1))

        world.lets_in(name, password="wrong password")

        assert world.passwords.checks == [("hash of " + PASSWORD if name == "deploy" else None, "wrong password")]

    def test_key_login_hashes_no_password(self, world):
        world.username("deploy", password=PASSWORD)

        world.lets_in("deploy", key=ed25519_key(1))

        assert world.passwords.checks == []

    @pytest.mark.parametrize("name", ["deploy", "nobody"])
    def test_password_login_makes_equal_calls_for_known_and_unknown_names(self, world, name):
        world.username("deploy", ed25519_key(1), password=PASSWORD)
        agent = world.fleet.nodes.identity.authenticate(world.machine.token)
        world.platform.tables.meter.reset()

        world.fleet.ssh.verifier.verify(agent.node, Credential(name, AuthMethod.PASSWORD, Secret("wrong")))

        assert [(call.operation, call.table) for call in world.platform.tables.meter.calls] == [
            ("BatchGetItem", "ssh_attempts,ssh_group_users,ssh_revocations,ssh_usernames"),
            ("UpdateItem", "ssh_attempts"),
            ("UpdateItem", "ssh_attempts"),
            ("PutItem", "occurrences"),
        ]


class TestEvents:
    def test_login_events_omit_the_credentials(self, world):
        made = world.username("deploy", ed25519_key(1), password=PASSWORD)
        world.lets_in("deploy", password=PASSWORD)
        world.lets_in("deploy", key=ed25519_key(2))
        world.lets_in("nobody", password="wrong password")

        common = {"node_id": world.node_id, "verified_at": "2026-11-21T10:00:00.000000Z"}
        known = {**common, "ssh_username_id": made.id, "cluster_name": "north", "username": "deploy"}
        unknown = {**common, "ssh_username_id": None, "cluster_name": None, "username": "nobody"}
        events = told(world)
        assert sorted(events, key=str) == sorted(
            [
                {**known, "auth_method": "password", "result": "success"},
                {**known, "auth_method": "public_key", "result": "failure"},
                {**unknown, "auth_method": "unknown", "result": "failure"},
            ],
            key=str,
        )
        assert not [text for text in (PASSWORD, "wrong password", "AAAA", "SHA256") if text in str(events)]

    def test_last_login_is_stored_at_most_once_a_minute(self, world):
        made = world.username("deploy", password=PASSWORD)
        noted = []
        for seconds in (0, 30, 30, 1):
            world.clock.advance(seconds)
            world.lets_in("deploy", password=PASSWORD)
            world.lets_in("deploy", password="wrong")
            noted.append(world.fleet.ssh.usernames.get(made.id, reach=EVERYWHERE).last_verified_at)

        assert [moment[-4:-1] for moment in noted] == [":00", ":00", ":00", ":01"]
        assert len(told(world)) == 8

    def test_concurrent_logins_make_an_event_each_and_one_update(self, world):
        made = world.username("deploy", password=PASSWORD)
        version = world.driver.row(USERNAMES, {"id": made.id})["version"]
        world.driver.latency(0.01)

        results = world.clock.run_together([lambda: world.lets_in("deploy", password=PASSWORD)] * 3)

        assert results == [True] * 3
        assert len(told(world)) == 3
        assert world.driver.row(USERNAMES, {"id": made.id})["version"] == version + 1

    def test_login_to_a_username_deleted_meanwhile_makes_its_event(self, world):
        made = world.username("deploy", password=PASSWORD)
        world.driver.before_next(
            lambda: world.fleet.ssh.usernames.delete(made.id, reach=EVERYWHERE),
            operation="TransactWriteItems",
            table=USERNAMES,
        )

        assert world.lets_in("deploy", password=PASSWORD)
        assert [event["result"] for event in told(world)] == ["success"]
        assert world.driver.rows(USERNAMES) == []

    def test_login_during_a_key_addition_keeps_both_changes(self, world):
        made = world.username("deploy", password=PASSWORD)
        world.driver.before_next(
            lambda: world.lets_in("deploy", password=PASSWORD), operation="TransactWriteItems", table=USERNAMES
        )

        world.key(made, "more", ed25519_key(1))

        found = world.fleet.ssh.usernames.get(made.id, reach=EVERYWHERE)
        assert (len(found.public_keys), found.last_verified_at) == (1, "2026-11-21T10:00:00Z")


class TestThrottle:
    def test_failed_logins_beyond_the_allowance_are_refused_unchecked(self, world):
        world.username("deploy", password=PASSWORD)
        assert not any(spend(world))
        hashed, events = len(world.passwords.checks), len(told(world))

        assert refusal(world, password=PASSWORD) == 6

        assert len(world.passwords.checks) == hashed == events == 10
        assert len(told(world)) == events

    def test_login_throttle_holds_across_containers(self, world):
        spend(world)

        other = fleet_of(world.platform.settings, world)
        agent = other.nodes.identity.authenticate(world.machine.token)

        with pytest.raises(EdgeError) as refused:
            other.ssh.verifier.verify(agent.node, Credential("x", AuthMethod.PASSWORD, Secret("x")))

        assert refused.value.kind is Kind.RATE_LIMITED

    def test_login_after_the_required_wait_is_checked_again(self, world):
        world.username("deploy", password=PASSWORD)
        spend(world)
        world.clock.advance(refusal(world, password=PASSWORD) - 1)
        assert refusal(world, password=PASSWORD) == 1
        world.clock.advance(1)

        assert world.lets_in("deploy", password=PASSWORD)
        assert not world.lets_in("deploy", password="wrong")
        assert refusal(world, password=PASSWORD) == 6

    def test_successful_logins_use_no_allowance(self, world):
        world.username("deploy", password=PASSWORD)

        assert all(world.lets_in("deploy", password=PASSWORD) for _ in range(30))
        assert world.driver.rows(ATTEMPTS) == []

    def test_login_allowance_does_not_grow_beyond_its_burst(self, world):
        spend(world)
        world.clock.advance(86_400)

        assert not any(spend(world))
        assert refusal(world, password="x") == 6

    def test_failed_passwords_do_not_throttle_keys(self, world):
        world.username("deploy", ed25519_key(1))
        spend(world)

        assert world.lets_in("deploy", key=ed25519_key(1))

    def test_failed_keys_do_not_throttle_passwords(self, world):
        world.username("deploy", password=PASSWORD)

        assert not any(spend(world, AuthMethod.PUBLIC_KEY))
        assert refusal(world, key="wrong") == 1
        assert world.lets_in("deploy", password=PASSWORD)

    def test_failed_logins_on_one_node_do_not_throttle_another(self, world):
        (other,) = machines(world, 1)
        spend(world)

        assert not world.lets_in("deploy", password="wrong", machine=other)

    def test_concurrent_failed_logins_are_all_counted(self, world):
        """More may slip through than allowed at once; what they overdraw is waited for."""
        world.driver.latency(0.01)
        rush = ALLOWANCES[AuthMethod.PASSWORD].burst + 5

        results = world.clock.run_together([lambda: world.lets_in("deploy", password="wrong")] * rush)

        assert results == [False] * rush
        (row,) = world.driver.rows(ATTEMPTS)
        owed_ms = row["repaid_at_ms"] - int(world.clock.now().timestamp() * 1000)
        assert rush * 6000 - 1000 <= owed_ms <= rush * 6000
        assert refusal(world, password="wrong") >= 6 * 6 - 1
