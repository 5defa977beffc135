"""Operators' keys in the stage's secret: rotated, withdrawn, unreadable, too short."""

import json

import pytest

from chalicelib.kit.errors import Kind
from chalicelib.platform.access.keys import METRICS_KEYS, OPERATOR_KEYS, SHORTEST_KEY, MissingMasterKeyError
from chalicelib.platform.access.stage_secret import UnreadableSecretError
from tests.unit.platform.access.world import Container, Secrets

START = "2026-11-21T10:00:00Z"
HALF_PAST = "2026-11-21T10:30:00Z"


@pytest.fixture
def secrets():
    return Secrets(MASTER_KEY="m", API_KEY="a", METRICS_KEY="")


@pytest.fixture
def container(secrets):
    return Container(secrets)


def test_stored_keys_are_read_once_from_the_secret(secrets, container):
    assert secrets.asked == 1
    assert container.knows("a") == "API_KEY"
    assert container.knows("m", METRICS_KEYS) == "MASTER_KEY"
    assert secrets.asked == 1


def test_master_key_of_the_environment_replaces_the_secret(secrets):
    container = Container(secrets, master="local")
    assert (container.knows("local"), container.knows("m"), secrets.asked) == ("MASTER_KEY", None, 0)


def test_other_keys_of_the_environment_replace_those_of_the_secret(secrets):
    container = Container(secrets, api="mine")
    assert (container.knows("mine"), container.knows("a")) == ("API_KEY", None)


@pytest.mark.parametrize("master", [None, ""])
def test_keys_without_a_master_key_are_refused(master):
    with pytest.raises(MissingMasterKeyError):
        Container(Secrets(API_KEY="a", **({} if master is None else {"MASTER_KEY": master})))


class TestRotation:
    def test_new_key_in_the_secret_is_accepted_at_once(self, secrets, container):
        container.clock.advance(60)
        secrets.values["API_KEY"] = "new"
        assert container.knows("new") == "API_KEY"
        assert container.knows("a") is None

    def test_withdrawn_key_is_refused_after_five_minutes(self, secrets, container):
        secrets.values["API_KEY"] = "new"
        container.clock.advance(299)
        assert container.knows("a") == "API_KEY"
        container.clock.advance(1)
        assert container.knows("a") is None

    def test_unknown_keys_cause_a_read_of_the_secret_every_five_seconds(self, secrets, container):
        container.clock.advance(60)
        for _ in range(100):
            assert container.knows("guess") is None
            container.clock.advance(0.1)
        assert secrets.asked == 1 + 2

    def test_request_without_a_key_causes_no_read_of_the_secret(self, secrets, container):
        container.clock.advance(60)
        assert container.knows(None) is None
        assert container.knows("") is None
        assert secrets.asked == 1

    def test_withdrawn_key_is_refused_after_the_clock_is_set_back(self, secrets, container):
        secrets.values["API_KEY"] = "new"
        container.clock.advance(-3600)
        assert container.knows("a") is None

    def test_previous_key_is_accepted_by_its_own_name_until_its_end(self, secrets, container):
        secrets.values |= {"API_KEY": "new", "API_KEY_PREVIOUS": "a", "API_KEY_PREVIOUS_UNTIL": HALF_PAST}
        container.clock.advance(300)
        assert (container.knows("new"), container.knows("a")) == ("API_KEY", "API_KEY_PREVIOUS")
        container.clock.advance(1499)
        assert container.knows("a") == "API_KEY_PREVIOUS"
        container.clock.advance(1)
        assert (container.knows("new"), container.knows("a")) == ("API_KEY", None)

    def test_previous_master_key_is_accepted_wherever_the_master_key_is(self, secrets, container):
        secrets.values |= {"MASTER_KEY": "n", "MASTER_KEY_PREVIOUS": "m", "MASTER_KEY_PREVIOUS_UNTIL": HALF_PAST}
        container.clock.advance(300)
        assert {container.knows("m", accepted) for accepted in (OPERATOR_KEYS, METRICS_KEYS)} == {"MASTER_KEY_PREVIOUS"}
        assert container.knows("n", METRICS_KEYS) == "MASTER_KEY"

    @pytest.mark.parametrize("end", [{}, {"API_KEY_PREVIOUS_UNTIL": "soon"}, {"API_KEY_PREVIOUS_UNTIL": START}])
    def test_previous_key_without_a_future_end_is_refused(self, secrets, container, end):
        secrets.values |= {"API_KEY": "new", "API_KEY_PREVIOUS": "a", **end}
        container.clock.advance(300)
        assert container.knows("a") is None


class TestOutage:
    def test_known_keys_are_accepted_for_an_hour_of_outage_with_a_log_line(self, secrets, container):
        secrets.down = True
        container.clock.advance(3599)
        assert container.knows("a") == "API_KEY"
        assert [line["level"] for line in container.logged("secret_not_read")] == ["error"]
        container.clock.advance(1)
        with pytest.raises(ConnectionError):
            container.keys.identify("a", OPERATOR_KEYS)

    def test_unreachable_secret_is_read_again_every_half_minute(self, secrets, container):
        secrets.down = True
        container.clock.advance(300)
        for _ in range(60):
            assert container.knows("a") == "API_KEY"
            assert container.refusal("guess") is Kind.UNAVAILABLE
            container.clock.advance(1)
        assert secrets.asked == 1 + 2

    def test_key_that_came_during_an_outage_is_503_and_then_accepted(self, secrets, container):
        container.clock.advance(60)
        secrets.values["API_KEY"] = "new"
        secrets.down = True
        assert container.refusal("new") is Kind.UNAVAILABLE
        secrets.down = False
        assert container.refusal("new") is Kind.UNAVAILABLE
        container.clock.advance(30)
        assert container.knows("new") == "API_KEY"
        assert container.refusal("guess") is Kind.UNAUTHORIZED

    def test_request_without_a_key_during_an_outage_is_unauthorized(self, secrets, container):
        secrets.down = True
        container.clock.advance(300)
        assert container.refusal(None) is Kind.UNAUTHORIZED

    def test_key_withdrawn_during_an_outage_is_refused_after_it(self, secrets, container):
        secrets.down = True
        container.clock.advance(300)
        assert container.knows("a") == "API_KEY"
        secrets.down = False
        secrets.values["API_KEY"] = "new"
        container.clock.advance(30)
        assert (container.knows("a"), container.knows("new")) == (None, "API_KEY")

    @pytest.mark.parametrize("text", ["", "no json", "[]", '{"MASTER_KEY": 1}', "null"])
    def test_unreadable_secret_is_an_outage_and_is_not_logged(self, secrets, container, text):
        secrets.text = text or " "
        container.clock.advance(300)
        assert container.knows("a") == "API_KEY"
        assert "no json" not in "".join(container.lines.texts)
        with pytest.raises(UnreadableSecretError):
            Container(secrets)

    def test_secret_without_a_master_key_makes_all_keys_refused(self, secrets, container):
        secrets.values = {"API_KEY": "a"}
        container.clock.advance(300)
        for _ in range(2):
            with pytest.raises(MissingMasterKeyError):
                container.keys.identify("a", OPERATOR_KEYS)
        secrets.values = {"MASTER_KEY": "m"}
        container.clock.advance(300)
        assert container.knows("m") == "MASTER_KEY"


class TestLength:
    LONG = "k" * SHORTEST_KEY

    def test_short_key_is_refused_and_named_in_the_log(self):
        container = Container(Secrets(MASTER_KEY=self.LONG, API_KEY="short"), shortest=SHORTEST_KEY)
        assert (container.knows("short"), container.knows(self.LONG)) == (None, "MASTER_KEY")
        (line,) = container.logged("key_refused")
        assert line["key"] == "API_KEY"
        assert "short" not in json.dumps(line).replace("shorter", "")

    def test_short_master_key_makes_all_keys_refused(self):
        with pytest.raises(MissingMasterKeyError):
            Container(Secrets(MASTER_KEY="k" * (SHORTEST_KEY - 1)), shortest=SHORTEST_KEY)

    def test_short_previous_key_is_refused(self):
        secrets = Secrets(MASTER_KEY=self.LONG, MASTER_KEY_PREVIOUS="m", MASTER_KEY_PREVIOUS_UNTIL=HALF_PAST)
        assert Container(secrets, shortest=SHORTEST_KEY).knows("m") is None


def test_stored_keys_appear_in_no_repr_and_no_log(secrets, container):
    secrets.values = {"MASTER_KEY": "s3cret"}
    container.clock.advance(300)
    assert container.knows("s3cret") == "MASTER_KEY"
    assert "s3cret" not in repr(vars(container.keys.current())) + "".join(container.lines.texts)
