"""Rotation of the keys that callers show."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.platform.access.keys import OPERATOR_KEYS, SHORTEST_KEY
from infra import rotate
from infra.rotate import NETMAKERS, RotationError, main, rotated
from tests.unit.platform.access.world import Container, Secrets

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = "o" * 40, "n" * 40


class FakeSecretsManager:
    """One secret with its versions; ``meanwhile`` is called between reading and writing."""

    class exceptions:  # noqa: N801 - boto3's name
        class InvalidParameterException(Exception):  # noqa: N818
            pass

    def __init__(self, **values):
        self.versions = [json.dumps(values)]
        self.current = 0
        self.meanwhile = lambda: None

    def get_secret_value(self, **asked):
        assert asked == {"SecretId": "edge-admin-dev-keys"}
        return {"SecretString": self.versions[self.current], "VersionId": str(self.current)}

    def put_secret_value(self, **asked):
        assert "AWSCURRENT" not in asked["VersionStages"]
        self.versions.append(asked["SecretString"])
        return {"VersionId": str(len(self.versions) - 1)}

    def update_secret_version_stage(self, **asked):
        self.meanwhile()
        assert asked["VersionStage"] == "AWSCURRENT"
        if int(asked["RemoveFromVersionId"]) != self.current:
            raise self.exceptions.InvalidParameterException
        self.current = int(asked["MoveToVersionId"])

    @property
    def values(self):
        return json.loads(self.versions[self.current])


@pytest.fixture
def store(monkeypatch):
    store = FakeSecretsManager(MASTER_KEY=OLD, OTHER="kept")
    monkeypatch.setattr(rotate.aws, "client", lambda session, service: store)
    return store


def test_rotation_keeps_the_previous_key_until_the_overlap_ends():
    assert rotated({"MASTER_KEY": OLD, "OTHER": "x"}, "MASTER_KEY", NEW, NOW, HOUR) == {
        "MASTER_KEY": NEW,
        "MASTER_KEY_PREVIOUS": OLD,
        "MASTER_KEY_PREVIOUS_UNTIL": "2026-11-21T11:00:00Z",
        "OTHER": "x",
    }


def test_revocation_removes_the_key_and_its_predecessor():
    values = rotated({"MASTER_KEY": OLD}, "MASTER_KEY", NEW, NOW, HOUR)
    assert rotated(values, "MASTER_KEY", "m" * 40, NOW, timedelta(0)) == {"MASTER_KEY": "m" * 40}


def test_second_rotation_ends_the_overlap_of_the_first():
    values = rotated({"MASTER_KEY": OLD}, "MASTER_KEY", NEW, NOW, HOUR)
    assert rotated(values, "MASTER_KEY", "m" * 40, NOW, HOUR)["MASTER_KEY_PREVIOUS"] == NEW


def test_netmaker_key_and_a_first_key_have_no_previous_value():
    assert rotated({NETMAKERS: OLD}, NETMAKERS, NEW, NOW, HOUR) == {NETMAKERS: NEW}
    assert rotated({"MASTER_KEY": OLD}, "API_KEY", NEW, NOW, HOUR) == {"MASTER_KEY": OLD, "API_KEY": NEW}


@pytest.mark.parametrize("new", ["", "short", "n" * (SHORTEST_KEY - 1), OLD])
def test_short_or_unchanged_key_is_refused(new):
    with pytest.raises(RotationError):
        rotated({"MASTER_KEY": OLD}, "MASTER_KEY", new, NOW, HOUR)


def test_functions_accept_new_and_old_key_until_the_overlap_ends():
    secrets = Secrets(MASTER_KEY=OLD)
    container = Container(secrets, shortest=SHORTEST_KEY)
    secrets.values = rotated(secrets.values, "MASTER_KEY", NEW, container.clock.now(), HOUR)
    container.clock.advance(6)
    assert container.keys.identify(NEW, OPERATOR_KEYS) == "MASTER_KEY"
    assert container.knows(OLD) == "MASTER_KEY_PREVIOUS"
    container.clock.advance(3600)
    assert (container.knows(NEW), container.knows(OLD)) == ("MASTER_KEY", None)


def test_rotate_command_writes_a_long_key_and_prints_none(store, capsys):
    assert main(["operator-key", "--stage", "dev"]) == 0
    new = store.values["MASTER_KEY"]
    assert (len(new), store.values["MASTER_KEY_PREVIOUS"], store.values["OTHER"]) == (43, OLD, "kept")
    said = capsys.readouterr()
    assert "MASTER_KEY has a new value in the secret edge-admin-dev-keys" in said.out
    assert new not in said.out + said.err


def test_revoke_command_takes_the_new_key_from_standard_input(store):
    asked = ["operator-key", "--stage", "dev", "--key", "MASTER_KEY", "--revoke", "--stdin"]
    assert main(asked, io.StringIO(f"{NEW}\n")) == 0
    assert store.values == {"MASTER_KEY": NEW, "OTHER": "kept"}


@pytest.mark.parametrize(
    "asked", [["--key", NETMAKERS], ["--overlap-minutes", "10081"], ["--overlap-minutes", "-1"], ["--stdin"]]
)
def test_invalid_rotation_is_refused_in_a_sentence_and_changes_nothing(store, capsys, asked):
    assert main(["operator-key", "--stage", "dev", *asked], io.StringIO("short\n")) == 1
    assert capsys.readouterr().err.startswith("infra.rotate: ")
    assert len(store.versions) == 1


def test_unreadable_secret_is_reported_in_a_sentence(store, capsys, monkeypatch):
    def denied(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "GetSecretValue")

    monkeypatch.setattr(store, "get_secret_value", denied)
    assert main(["operator-key", "--stage", "dev"]) == 1
    assert "infra.rotate: An error occurred (AccessDeniedException)" in capsys.readouterr().err


def test_invalid_stage_name_is_refused_before_aws_is_called(store, capsys):
    assert main(["operator-key", "--stage", "Dev/1"]) == 1
    assert "STAGE has to be" in capsys.readouterr().err
    assert len(store.versions) == 1


def test_concurrent_rotation_is_refused_for_the_second_caller(store, capsys):
    def other():
        store.meanwhile = lambda: None
        assert main(["operator-key", "--stage", "dev", "--key", "API_KEY"]) == 0

    store.meanwhile = other
    assert main(["operator-key", "--stage", "dev"]) == 1
    assert "somebody else" in capsys.readouterr().err
    assert store.values["MASTER_KEY"] == OLD
    assert "API_KEY" in store.values
