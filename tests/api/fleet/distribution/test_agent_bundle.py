"""The routes that hand out the agent: who gets a link, to what, and the script that uses it."""

import json
import subprocess

import pytest

from chalicelib.fleet.enrollment.blob import key_id_of, to_blob
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Meter
from infra.agent_bundle import Bundle
from infra.agent_release import publish
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.client import Client
from tests.support.world import BUCKET, World

PATH = "/api/v1/agents/bundle"
INTEL = {"architecture": "x86_64"}


def a_bundle(version, architecture="x86_64", content=b"an archive"):
    return Bundle(version, architecture, ("3.11", "3.12"), content)


@pytest.fixture
def world():
    world = World()
    a_cluster(world, "north")
    (world.machine,) = machines(world, 1)
    world.settle()
    publish(world.object_client, BUCKET, [a_bundle("0.2.0+b1"), a_bundle("0.2.0+b1", "aarch64", b"another")])
    return world


@pytest.fixture
def client(world) -> Client:
    return operator(world)


def a_key(world, **fields):
    service = world.fleet.enrollment
    return service.reveal(service.create("north", fields, reach=EVERYWHERE)).reveal()


def test_bundle_link_and_hash_are_given_to_a_node_and_a_key_holder(client, world):
    bundle = a_bundle("0.2.0+b1")
    key = a_key(world)
    for bearer in (world.machine.token, key):
        answer = client.get(PATH, key=bearer, query=INTEL)
        assert answer.status == 200
        assert answer.data == {
            "version": "0.2.0+b1",
            "architecture": "x86_64",
            "pythons": ["3.11", "3.12"],
            "sha256": bundle.sha256,
            "size": len(bundle.content),
            "url": f"https://{BUCKET}.test/agent/files/{bundle.sha256}.tar.gz?get_object&expires=300",
            "expires_seconds": 300,
        }
    assert world.fleet.enrollment.verify(key, None).verified, "asking for the agent took a use of the key"


def test_bundle_archive_depends_on_the_architecture(client, world):
    answer = client.get(PATH, key=world.machine.token, query={"architecture": "aarch64"})
    assert answer.data["sha256"] == a_bundle("", content=b"another").sha256


def test_earlier_bundle_version_is_available_by_name(client, world):
    publish(world.object_client, BUCKET, [a_bundle("0.3.0+b2", content=b"newer")])
    assert client.get(PATH, key=world.machine.token, query=INTEL).data["version"] == "0.3.0+b2"
    earlier = client.get(PATH, key=world.machine.token, query={**INTEL, "version": "0.2.0+b1"})
    assert earlier.data["sha256"] == a_bundle("").sha256
    publish(world.object_client, BUCKET, [a_bundle("0.1.0+b0", content=b"other")], current=False)
    assert client.get(PATH, key=world.machine.token, query=INTEL).data["version"] == "0.3.0+b2"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({**INTEL, "version": "9.9.9"}, "this stack has no version 9.9.9 of the agent"),
        ({"architecture": "aarch64", "version": "0.3.0"}, "version 0.3.0 of the agent is there for x86_64, not for"),
    ],
)
def test_missing_bundle_is_404_and_named(client, world, query, says):
    publish(world.object_client, BUCKET, [a_bundle("0.3.0")], current=False)
    answer = client.get(PATH, key=world.machine.token, query=query)
    assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert answer.error["message"].startswith(says)


@pytest.mark.parametrize("bucket", ["", "empty"])
def test_stack_without_a_published_agent_is_404_with_the_reason(bucket):
    world = World(agent_bucket=bucket)
    a_cluster(world, "north")
    (machine,) = machines(world, 1)
    answer = operator(world).get(PATH, key=machine.token, query=INTEL)
    assert (answer.status, answer.error["message"]) == (
        404,
        "this stack serves no agent: deploying it puts one there",
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "architecture"),
        ({"architecture": "sparc"}, "architecture"),
        ({**INTEL, "version": "../current"}, "version"),
        ({**INTEL, "version": "a/b"}, "version"),
        ({**INTEL, "version": ""}, "version"),
    ],
)
def test_malformed_bundle_query_is_400_and_reads_no_object(client, world, query, field):
    world.object_client.reads.clear()
    answer = client.get(PATH, key=world.machine.token, query=query)
    assert (answer.status, list(answer.error["details"])) == (400, [field])
    assert world.object_client.reads == []


def test_bundle_without_a_valid_token_or_key_is_401(client, world):
    spent, expired = a_key(world), a_key(world, expired_at="2020-01-01T00:00:00Z")
    world.fleet.enrollment.verify(spent, None)
    forged = to_blob(["http://api.test"], key_id_of(a_key(world)), bytes(32))
    for bearer, details in (
        (None, None),
        ("nonsense", None),
        (world.machine.token[:-1] + "x", None),
        (world.platform.settings.master_key.get_secret_value(), None),
        (spent, {"enrollment_key": ["key_spent"]}),
        (expired, {"enrollment_key": ["key_expired"]}),
        (forged, {"enrollment_key": ["invalid_key"]}),
    ):
        answer = client.get(PATH, key=bearer, query=INTEL)
        assert answer.status == 401, bearer
        assert answer.error.get("details") == details


@pytest.mark.parametrize("code", ["", "SlowDown", "InternalError"])
def test_unavailable_bundle_bucket_is_503(client, world, code):
    world.object_client.fails_with = code
    assert client.get(PATH, key=world.machine.token, query=INTEL).status == 503


def test_bundle_request_costs_one_bucket_read_and_no_write(client, world):
    meter: Meter = world.platform.tables.meter
    world.object_client.reads.clear()
    for bearer in (a_key(world), world.machine.token):
        client.get(PATH, key=bearer, query=INTEL)
        assert meter.count <= 2
        assert meter.write_units == 0
    assert world.object_client.reads == ["agent/current.json"] * 2


def test_installer_is_valid_shell_with_the_server_url(client):
    answer = client.get("/agent/install.sh", key=None)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/x-shellscript; charset=utf-8"
    assert "\nserver=http://api.test\n" in answer.text
    assert "@" not in next(line for line in answer.text.splitlines() if line.startswith("server="))
    assert subprocess.run(["sh", "-n"], input=answer.text, text=True, check=False).returncode == 0


def test_server_url_with_shell_characters_is_quoted_in_the_installer():
    world = World(public_url="https://host/a'b$(touch x)")
    answer = operator(world).get("/agent/install.sh", key=None)
    (line,) = [line for line in answer.text.splitlines() if line.startswith("server=")]
    done = subprocess.run(["sh", "-c", f'{line}; printf %s "$server"'], capture_output=True, text=True, check=True)
    assert done.stdout == "https://host/a'b$(touch x)"


def test_published_release_reads_back_as_written(world):
    release = json.loads(world.object_client.objects[BUCKET, "agent/current.json"])
    assert release == json.loads(world.object_client.objects[BUCKET, "agent/versions/0.2.0+b1.json"])
    assert world.fleet.distribution.release(None).model_dump(mode="json") == release
