"""The client of Netmaker's API against a server that fails in every way that servers do."""

import gzip
import json
import time

import pytest
from pydantic import SecretStr

from chalicelib.fleet.mesh.netmaker_api import Outcome, netmaker_over_http
from chalicelib.kit.clock import SystemClock
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Log
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.log import Lines
from tests.support.fakes.netmaker_http import running_netmaker
from tests.support.fakes.netmaker_stub import MASTER_KEY
from tests.unit.kit.receivers import receiver, says

NETWORK = "cluster-north"


@pytest.fixture
def server():
    with running_netmaker() as server:
        yield server
        assert server.stub.wrong == []


@pytest.fixture
def stub(server):
    return server.stub


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def api(server, lines):
    return an_api(server.url, lines)


def an_api(url, lines, key=MASTER_KEY, clock=None):
    """Pauses take no time unless a real clock is given."""
    clock = clock or FakeClock()
    return netmaker_over_http(url, lambda: SecretStr(key), clock, Ids(), Log(lines, clock), answer_seconds=0.3)


def unavailable(call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    return caught.value.kind is Kind.UNAVAILABLE


def test_networks_are_created_listed_and_deleted(api):
    assert (api.networks(), api.network(NETWORK)) == ([], None)
    assert api.create_network(NETWORK, "100.64.0.0/24") is Outcome.DONE
    assert [(each.name, each.ipv4_range) for each in api.networks()] == [(NETWORK, "100.64.0.0/24")]
    assert api.network(NETWORK).ipv4_range == "100.64.0.0/24"
    assert api.create_network(NETWORK, "100.64.0.0/24") is Outcome.REFUSED
    assert api.delete_network(NETWORK) is Outcome.DONE
    assert api.network(NETWORK) is None


def test_hosts_are_admitted_listed_and_removed(api, stub):
    api.create_network(NETWORK, "100.64.0.0/24")
    host = stub.host("node-1")

    assert api.admit(host, NETWORK) is Outcome.DONE
    assert api.admit(host, NETWORK) is Outcome.DONE, "being there already is being there"
    assert [(each.host_id, each.address) for each in api.nodes(NETWORK)] == [(host, "100.64.0.1/24")]
    assert [(each.name, each.address) for each in api.host_names(NETWORK)] == [
        ("node-1.cluster-north.nm.internal", "100.64.0.1")
    ]
    assert api.dismiss(host, NETWORK) is Outcome.DONE
    assert api.dismiss(host, NETWORK) is Outcome.ABSENT
    assert api.delete_host(host) is Outcome.DONE
    assert (api.delete_host(host), api.admit(host, NETWORK)) == (Outcome.ABSENT, Outcome.ABSENT)


def test_dns_names_are_created_listed_and_deleted(api, stub):
    api.create_network(NETWORK, "100.64.0.0/24")

    assert api.custom_names(NETWORK) == [], "a server without any says so with a 500"
    assert api.create_name(NETWORK, "node-web.cluster-north", "100.64.0.1") is Outcome.DONE
    assert [(each.name, each.address) for each in api.custom_names(NETWORK)] == [
        ("node-web.cluster-north.nm.internal", "100.64.0.1")
    ]
    assert api.custom_names("cluster-south") == [], "null is an empty list"
    stub.overwrites_names = False
    assert api.create_name(NETWORK, "node-web.cluster-north", "100.64.0.2") is Outcome.REFUSED
    assert api.delete_name(NETWORK, "node-web.cluster-north") is Outcome.DONE
    assert stub.names == {}


def test_enrollment_keys_are_created_once_listed_and_deleted(api, stub):
    stub.makes_keys = False
    api.create_network(NETWORK, "100.64.0.0/24")

    made = api.create_enrollment_key(NETWORK, "join-one")
    assert api.create_enrollment_key(NETWORK, "join-one") is None
    (key,) = api.enrollment_keys()
    assert (made, key.tags, stub.keys[0]["uses_remaining"]) == (key, ["join-one"], 1)
    assert key.token.get_secret_value() == stub.keys[0]["token"]
    assert key.token.get_secret_value() not in repr(key)
    assert key.value.get_secret_value() not in repr(key)
    assert api.delete_enrollment_key(key.value.get_secret_value()) is Outcome.DONE
    assert api.delete_enrollment_key(key.value.get_secret_value()) is Outcome.ABSENT
    assert api.enrollment_keys() == []


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("trouble", [{"status": 503}, {"status": 500}, {"drop": True}, {"cut": True}], ids=str)
def test_failed_read_is_retried(api, server, trouble, times):
    api.create_network(NETWORK, "100.64.0.0/24")
    server.trouble(method="GET", times=times, **trouble)

    assert [each.name for each in api.networks()] == [NETWORK]
    assert len(server.stub.asked("GET")) == times + 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 502},
        {"status": 302},
        {"status": 403},
        {"status": 429},
        {"drop": True},
        {"cut": True},
    ],
    ids=str,
)
def test_read_that_keeps_failing_is_unavailable_and_logged(api, server, lines, trouble):
    api.create_network(NETWORK, "100.64.0.0/24")
    server.trouble(**trouble)

    assert unavailable(api.networks)
    last = json.loads(lines.texts[-1])
    assert (last["event"], last["method"], last["path"]) == ("netmaker_failed", "GET", "/api/networks")


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"a":1}', b'[{"addressrange":"x"}]', b'[{"netid":7}]', b'["'])
def test_answer_of_an_unexpected_shape_is_unavailable(api, server, raw):
    server.trouble(raw=raw)

    assert unavailable(api.networks)


@pytest.mark.parametrize("raw", [b"404 page not found", b'{"message":"Not Found"}'], ids=["text", "a gateway"])
def test_foreign_404_answer_is_unavailable(api, server, raw):
    server.trouble(status=404, raw=raw)

    assert unavailable(api.networks)
    assert unavailable(api.network, NETWORK)
    assert unavailable(api.delete_network, NETWORK)


def test_failed_write_is_not_retried(api, server):
    server.trouble(status=503)

    assert unavailable(api.create_network, NETWORK, "100.64.0.0/24")
    assert len(server.stub.writes()) == 1


@pytest.mark.parametrize("trouble", [{"hang": True}, {"drip_seconds": 0.02}], ids=str)
def test_slow_server_is_unavailable_within_the_timeout(server, lines, trouble):
    api = an_api(server.url, lines, clock=SystemClock())
    for number in range(4):
        api.create_network(f"cluster-{number}", f"100.64.{number}.0/24")
    server.trouble(method="GET", **trouble)
    started = time.monotonic()

    assert unavailable(api.networks)
    assert time.monotonic() - started < 3


def test_unreachable_server_is_unavailable(lines):
    assert unavailable(an_api("http://127.0.0.1:1", lines).networks)


def test_wrong_master_key_is_unavailable_and_never_printed(server, lines):
    api = an_api(server.url, lines, key="not-the-key")

    assert unavailable(api.networks)
    server.stub.wrong.clear()
    assert "not-the-key" not in "".join(lines.texts)
    assert "not-the-key" not in f"{api!r}{vars(api)!r}"


def test_network_name_is_quoted_into_one_path_segment(api, stub):
    assert api.network("a/../b") is None
    assert stub.requests == [("GET", "/api/networks/a%2F..%2Fb")]


def test_status_check_over_the_real_pool_is_one_request(server, lines):
    api = netmaker_over_http(
        f"{server.url}/", lambda: SecretStr(MASTER_KEY), SystemClock(), Ids(), Log(lines, SystemClock())
    )
    api.check()

    assert server.stub.requests == [("GET", "/api/server/status")]
    server.trouble(status=500)
    assert unavailable(api.check)


def endless_headers(connection, seen):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not seen.stop.is_set():
        connection.sendall(b"x: " + b"y" * 8000 + b"\r\n")


def dripping_headers(connection, seen):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not seen.stop.wait(0.02):
        connection.sendall(b"x")


@pytest.mark.parametrize(
    "talk",
    [
        endless_headers,
        dripping_headers,
        says(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"[]")),
        says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[]"),
    ],
    ids=["endless headers", "dripping headers", "compressed", "cut off"],
)
def test_malformed_or_endless_answer_is_unavailable(lines, talk):
    with receiver(talk) as (port, _):
        assert unavailable(an_api(f"http://127.0.0.1:{port}", lines).networks)
    assert json.loads(lines.texts[-1])["event"] == "netmaker_failed"


def test_informational_answer_is_skipped(lines):
    with receiver(says(b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")) as (port, _):
        assert an_api(f"http://127.0.0.1:{port}", lines).networks() == []
