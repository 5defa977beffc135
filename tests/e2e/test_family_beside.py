"""A family beside the fleet in the local cloud: on the same port by its routes, and on a port of its own."""

import json
import urllib.error
import urllib.request

import pytest

from infra.local.families import FamilyStacks
from tests.infra.toy import DEPLOYABLE, write_project


@pytest.fixture(scope="module")
def toys(cloud, tmp_path_factory):
    family = FamilyStacks(cloud, DEPLOYABLE, write_project(tmp_path_factory.mktemp("toys") / "project"))
    cloud.attach(family)
    return family


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_shared_port_serves_routes_of_the_second_family_and_the_fleet(cloud, toys):
    assert get(f"{cloud.url}/toys") == (200, [])
    assert get(f"{cloud.url}/toys/7") == (200, {})
    status, body = get(f"{cloud.url}/toys/7/parts")
    assert (status, body["error"]["code"]) == (404, "not_found")
    assert get(f"{cloud.url}/healthz")[0] == 200


def test_own_port_of_a_family_serves_its_routes_only(toys):
    proxy = toys.serve()
    try:
        assert get(f"{proxy.url}/toys/7") == (200, {})
        assert get(f"{proxy.url}/api/v1/nodes")[0] == 404  # the fleet would ask for a key
    finally:
        proxy.stop()


def test_second_family_has_its_own_tables_queues_and_functions(cloud, toys):
    prefix = cloud.table_prefix
    table = cloud.client("dynamodb").describe_table(TableName=f"{prefix}toys")["Table"]
    assert table["LatestStreamArn"]
    assert cloud.client("sqs").get_queue_url(QueueName=f"{prefix}toys-made")
    assert toys.function_name("make_toys").startswith("edge-admin-local-toys-")
