"""Operators' keys in the stage's secret: rotated, withdrawn, unreadable, too short."""

import json

import pytest

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


def test_keys_come_from_the_secret(secrets, container):
    assert secrets.asked == 1
    assert container.knows("a") == "API_KEY"
    assert container.knows("m", METRICS_KEYS) == "MASTER_KEY"
    assert secrets.asked == 1


def test_a_master_key_of_the_environment_replaces_the_secret(secrets):
    container = Container(secrets, master="local")
    assert (container.knows("local"), container.knows("m"), secrets.asked) == ("MASTER_KEY", None, 0)


def test_other_keys_of_the_environment_replace_those_of_the_secret(secrets):
    container = Container(secrets, api="mine")
    assert (container.knows("mine"), container.knows("a")) == ("API_KEY", None)


@pytest.mark.parametrize("master", [None, ""])
def test_without_a_master_key_there_are_no_keys(master):
    with pytest.raises(MissingMasterKeyError):
        Container(Secrets(API_KEY="a", **({} if master is None else {"MASTER_KEY": master})))


class TestRotation:
    def test_a_new_key_works_at_once(self, secrets, container):
        container.clock.advance(60)
        secrets.values["API_KEY"] = "new"
        assert container.knows("new") == "API_KEY"
        assert container.knows("a") is None

    def test_a_withdrawn_key_ends_within_five_minutes(self, secrets, container):
        secrets.values["API_KEY"] = "new"
        container.clock.advance(299)
        assert container.knows("a") == "API_KEY"
        container.clock.advance(1)
        assert container.knows("a") is None

    def test_unknown_keys_have_the_secret_read_every_five_seconds_at_most(self, secrets, container):
        container.clock.advance(60)
        for _ in range(100):
            assert container.knows("guess") is None
            container.clock.advance(0.1)
        assert secrets.asked == 1 + 2

    def test_a_request_without_a_key_has_nothing_read(self, secrets, container):
        container.clock.advance(60)
        assert container.knows(None) is None
        assert container.knows("") is None
        assert secrets.asked == 1

    def test_a_clock_that_was_set_back_keeps_no_key_for_longer(self, secrets, container):
        secrets.values["API_KEY"] = "new"
        container.clock.advance(-3600)
        assert container.knows("a") is None

    def test_the_key_before_is_accepted_until_its_end_under_a_name_of_its_own(self, secrets, container):
        secrets.values |= {"API_KEY": "new", "API_KEY_PREVIOUS": "a", "API_KEY_PREVIOUS_UNTIL": HALF_PAST}
        container.clock.advance(300)
        assert (container.knows("new"), container.knows("a")) == ("API_KEY", "API_KEY_PREVIOUS")
        container.clock.advance(1499)
        assert container.knows("a") == "API_KEY_PREVIOUS"
        container.clock.advance(1)
        assert (container.knows("new"), container.knows("a")) == ("API_KEY", None)

    def test_the_master_key_before_opens_what_the_master_key_opens(self, secrets, container):
        secrets.values |= {"MASTER_KEY": "n", "MASTER_KEY_PREVIOUS": "m", "MASTER_KEY_PREVIOUS_UNTIL": HALF_PAST}
        container.clock.advance(300)
        assert {container.knows("m", accepted) for accepted in (OPERATOR_KEYS, METRICS_KEYS)} == {"MASTER_KEY_PREVIOUS"}
        assert container.knows("n", METRICS_KEYS) == "MASTER_KEY"

    @pytest.mark.parametrize("end", [{}, {"API_KEY_PREVIOUS_UNTIL": "soon"}, {"API_KEY_PREVIOUS_UNTIL": START}])
    def test_a_key_before_without_an_end_ahead_is_not_accepted(self, secrets, container, end):
        secrets.values |= {"API_KEY": "new", "API_KEY_PREVIOUS": "a", **end}
        container.clock.advance(300)
        assert container.knows("a") is None


class TestOutage:
    def test_keys_stay_good_for_an_hour_and_the_log_says_so(self, secrets, container):
        secrets.down = True
        container.clock.advance(3599)
        assert container.knows("a") == "API_KEY"
        assert [line["level"] for line in container.logged("secret_not_read")] == ["error"]
        container.clock.advance(1)
        with pytest.raises(ConnectionError):
            container.keys.identify("a", OPERATOR_KEYS)

    def test_it_is_asked_again_every_half_minute_at_most(self, secrets, container):
        secrets.down = True
        container.clock.advance(300)
        for _ in range(60):
            assert container.knows("a") == "API_KEY"
            assert container.knows("guess") is None
            container.clock.advance(1)
        assert secrets.asked == 1 + 2

    def test_what_was_withdrawn_meanwhile_ends_when_it_is_over(self, secrets, container):
        secrets.down = True
        container.clock.advance(300)
        assert container.knows("a") == "API_KEY"
        secrets.down = False
        secrets.values["API_KEY"] = "new"
        container.clock.advance(30)
        assert (container.knows("a"), container.knows("new")) == (None, "API_KEY")

    @pytest.mark.parametrize("text", ["", "no json", "[]", '{"MASTER_KEY": 1}', "null"])
    def test_a_secret_that_cannot_be_read_is_an_outage_and_quoted_nowhere(self, secrets, container, text):
        secrets.text = text or " "
        container.clock.advance(300)
        assert container.knows("a") == "API_KEY"
        assert "no json" not in "".join(container.lines.texts)
        with pytest.raises(UnreadableSecretError):
            Container(secrets)

    def test_a_secret_without_a_master_key_lets_nobody_in(self, secrets, container):
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

    def test_a_short_key_is_not_accepted_and_the_log_names_it(self):
        container = Container(Secrets(MASTER_KEY=self.LONG, API_KEY="short"), shortest=SHORTEST_KEY)
        assert (container.knows("short"), container.knows(self.LONG)) == (None, "MASTER_KEY")
        (line,) = container.logged("key_refused")
        assert line["key"] == "API_KEY"
        assert "short" not in json.dumps(line).replace("shorter", "")

    def test_a_short_master_key_lets_nobody_in(self):
        with pytest.raises(MissingMasterKeyError):
            Container(Secrets(MASTER_KEY="k" * (SHORTEST_KEY - 1)), shortest=SHORTEST_KEY)

    def test_a_short_key_is_not_accepted_as_the_one_before_either(self):
        secrets = Secrets(MASTER_KEY=self.LONG, MASTER_KEY_PREVIOUS="m", MASTER_KEY_PREVIOUS_UNTIL=HALF_PAST)
        assert Container(secrets, shortest=SHORTEST_KEY).knows("m") is None


def test_keys_do_not_show_themselves(secrets, container):
    secrets.values = {"MASTER_KEY": "s3cret"}
    container.clock.advance(300)
    assert container.knows("s3cret") == "MASTER_KEY"
    assert "s3cret" not in repr(vars(container.keys.current())) + "".join(container.lines.texts)
