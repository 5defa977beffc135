"""What a person sets in the shell, and what the local cloud makes of it."""

import pytest

from infra.local.cloud import LocalCloud
from infra.local.options import SWEEP_SECONDS, Options
from infra.local.recorder import dynamodb_actions


def test_settings_and_keys_are_taken_from_the_environment():
    environment = {"NODE_UNREACHABLE_SECONDS": "60", "API_KEY": "k", "HOME": "/root", "CORE_NAME": ""}

    assert Options.from_environment(environment, port=8080) == Options(
        port=8080, settings={"NODE_UNREACHABLE_SECONDS": "60", "API_KEY": "k"}, sweep_seconds=SWEEP_SECONDS
    )


def test_port_and_sweep_interval_can_be_chosen():
    options = Options.from_environment({"PORT": "9090", "LOCAL_SWEEP_SECONDS": "0.5"}, port=8080)

    assert (options.port, options.sweep_seconds) == (9090, 0.5)


def test_a_cloud_draws_a_key_unless_it_is_given_one():
    first, second = LocalCloud(Options()), LocalCloud(Options())
    given = LocalCloud(Options(settings={"MASTER_KEY": "mine"}))

    assert given.master_key == "mine"
    assert len({first.master_key, second.master_key, given.master_key}) == 3
    for cloud in (first, second, given):
        cloud.stop()


def test_a_cloud_that_is_not_running_has_no_address():
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
def test_calls_are_recorded_as_the_actions_that_iam_checks(operation, content, actions):
    assert dynamodb_actions(operation, content) == actions
