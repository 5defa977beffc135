"""What a person sets in the shell, and what the local cloud makes of it."""

import pytest

from infra.local.cloud import LocalCloud
from infra.local.options import SWEEP_SECONDS, Options
from infra.local.recorder import dynamodb_actions


def test_local_settings_and_keys_are_read_from_the_environment():
    environment = {"NODE_UNREACHABLE_SECONDS": "120", "API_KEY": "k", "HOME": "/root", "CORE_NAME": ""}

    assert Options.from_environment(environment, port=8080) == Options(
        port=8080, settings={"NODE_UNREACHABLE_SECONDS": "120", "API_KEY": "k"}, sweep_seconds=SWEEP_SECONDS
    )


def test_local_port_and_sweep_interval_are_read_from_the_environment():
    options = Options.from_environment({"PORT": "9090", "LOCAL_SWEEP_SECONDS": "0.5"}, port=8080)

    assert (options.port, options.sweep_seconds) == (9090, 0.5)


def test_local_cloud_generates_a_master_key_unless_given():
    first, second = LocalCloud(Options()), LocalCloud(Options())
    given = LocalCloud(Options(settings={"MASTER_KEY": "mine"}))

    assert given.master_key == "mine"
    assert len({first.master_key, second.master_key, given.master_key}) == 3
    for cloud in (first, second, given):
        cloud.stop()


def test_url_of_a_stopped_local_cloud_is_an_error():
    cloud = LocalCloud(Options())
    cloud.stop()

    with pytest.raises(RuntimeError, match="not running"):
        _ = cloud.url


@pytest.mark.parametrize(
    ("operation", "content", "actions"),
    [
        ("GetItem", {"TableName": "nodes"}, [("GetItem", "nodes")]),
        ("Query", {"TableName": "nodes", "IndexName": "listing"}, [("Query", "nodes/listing")]),
        ("BatchGetItem", {"RequestItems": {"a": {}, "b": {}}}, [("BatchGetItem", "a"), ("BatchGetItem", "b")]),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}]},
            [("PutItem", "a"), ("ConditionCheckItem", "b")],
        ),
    ],
)
def test_dynamodb_call_is_recorded_as_its_iam_actions(operation, content, actions):
    assert dynamodb_actions(operation, content) == actions
