"""What a read does to get fresh metrics: the cache, a wake-up, a scrape, and in the end an older text."""

import pytest

from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.owners import Owners
from chalicelib.fleet.metrics.scraping import Source
from chalicelib.fleet.metrics.service import NodeMetrics
from chalicelib.fleet.metrics.waking import PAUSES_SECONDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.sockets import Sockets
from tests.support.builders import a_cluster, machines
from tests.support.world import World

HOST, AGENT, WIREGUARD = MetricsType
SOCKET = "socket-1"


class FakeScraper:
    """Answers by the end of the URL's host and port; notes what it was asked."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.asked: list[Source] = []

    def scrape(self, source: Source) -> str | None:
        self.asked.append(source)
        ports = {"49100": "host", "44000": "agent", "49586": "wireguard"}
        return self.texts.get(ports[source.url.split(":")[2].split("/")[0]])


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def machine(world):
    return machines(world, 1)[0]


def metrics_of(world, scraper=None, fresh_seconds=300, push_host=None) -> NodeMetrics:
    return NodeMetrics(
        world.platform.tables,
        world.clock,
        world.fleet.nodes,
        lambda: Sockets(world.socket_client),
        world.log,
        owners=Owners(world.fleet.admins.ownership, world.fleet.transport.dispatch, world.clock),
        scraper=scraper,
        push_host=push_host,
        vpn_domain="nm.internal",
        fresh_seconds=fresh_seconds,
    )


def connect(world, machine):
    world.socket_client.frames[SOCKET] = []
    world.fleet.nodes.connections.connected(machine.token, SOCKET, 1)


def frames(world):
    return world.socket_client.frames[SOCKET]


def refusal(metrics, machine_id, metrics_type=HOST):
    with pytest.raises(EdgeError) as refused:
        metrics.read(machine_id, metrics_type, reach=EVERYWHERE)
    return refused.value.kind


class TestCache:
    def test_fresh_metrics_are_answered_without_asking_the_agent(self, world, machine):
        scraper = FakeScraper(host="up 2\n")
        metrics = metrics_of(world, scraper)
        connect(world, machine)
        metrics.push(machine.id, HOST, "up 1\n")
        world.clock.advance(299)
        world.platform.tables.meter.reset()
        reading = metrics.read(machine.id, HOST, reach=EVERYWHERE)
        assert (reading.metrics.text, reading.node.cluster_name) == ("up 1\n", "north")
        assert (frames(world), scraper.asked, world.clock.pauses) == ([], [], [])
        assert [call.operation for call in world.platform.tables.meter.calls] == ["BatchGetItem", "BatchGetItem"]

    def test_metrics_older_than_five_minutes_are_unavailable(self, world, machine):
        metrics = metrics_of(world)
        metrics.push(machine.id, HOST, "up 1\n")
        world.clock.advance(300)
        assert refusal(metrics, machine.id) is Kind.UNAVAILABLE

    def test_metrics_of_unknown_node_are_not_found(self, world):
        metrics = metrics_of(world)
        nowhere = "01900000-0000-7000-8000-0000000000ff"
        assert refusal(metrics, nowhere) is Kind.NOT_FOUND
        assert metrics.read_available(nowhere, [HOST, AGENT], reach=EVERYWHERE) == {}

    def test_metrics_of_one_type_do_not_answer_for_others(self, world, machine):
        metrics = metrics_of(world)
        metrics.push(machine.id, AGENT, "up 1\n")
        assert refusal(metrics, machine.id, HOST) is Kind.UNAVAILABLE
        assert list(metrics.read_available(machine.id, [HOST, AGENT], reach=EVERYWHERE)) == [AGENT]

    def test_metrics_while_tables_are_throttled_are_unavailable(self, world, machine):
        world.driver.fail_next(100_000, "throttle")
        with pytest.raises(EdgeError) as refused:
            metrics_of(world).read_available(machine.id, [HOST], reach=EVERYWHERE)
        assert refused.value.kind is Kind.UNAVAILABLE


class TestWakeUp:
    def test_connected_agent_is_woken_and_its_push_is_answered(self, world, machine):
        metrics = metrics_of(world)
        connect(world, machine)
        world.socket_client.after_post = lambda frame: metrics.push(machine.id, HOST, "up 1\n")
        assert metrics.read(machine.id, HOST, reach=EVERYWHERE).metrics.text == "up 1\n"
        assert frames(world) == [{"type": "metrics", "metrics_types": ["host"]}]
        assert world.clock.pauses == [PAUSES_SECONDS[0]]

    def test_wake_up_frame_names_all_stale_types(self, world, machine):
        metrics = metrics_of(world)
        connect(world, machine)
        metrics.push(machine.id, AGENT, "old 1\n")
        world.clock.advance(400)
        metrics.push(machine.id, WIREGUARD, "up 1\n")

        def push(frame):
            for name in frame["metrics_types"]:
                metrics.push(machine.id, MetricsType(name), "new 1\n")

        world.socket_client.after_post = push
        found = metrics.read_available(machine.id, list(MetricsType), reach=EVERYWHERE)
        assert {each: reading.metrics.text for each, reading in found.items()} == {
            HOST: "new 1\n",
            AGENT: "new 1\n",
            WIREGUARD: "up 1\n",
        }
        assert frames(world) == [{"type": "metrics", "metrics_types": ["host", "agent"]}]

    def test_push_within_the_same_second_is_noticed(self, world, machine):
        metrics = metrics_of(world, fresh_seconds=0)
        connect(world, machine)
        metrics.push(machine.id, HOST, "up 1\n")
        world.socket_client.after_post = lambda frame: metrics.push(machine.id, HOST, "up 2\n")
        assert metrics.read(machine.id, HOST, reach=EVERYWHERE).metrics.text == "up 2\n"
        assert len(world.clock.pauses) == 1

    def test_silent_agent_is_waited_for_five_seconds_then_unavailable(self, world, machine):
        metrics = metrics_of(world)
        connect(world, machine)
        world.platform.tables.meter.reset()
        assert refusal(metrics, machine.id) is Kind.UNAVAILABLE
        assert sum(world.clock.pauses) == 5
        # The node, the cache, the looks, and whether another stack owns the cluster.
        assert len(world.platform.tables.meter.calls) == 2 + len(PAUSES_SECONDS) + 1

    def test_partial_push_answers_the_pushed_types_only(self, world, machine):
        metrics = metrics_of(world)
        connect(world, machine)
        world.socket_client.after_post = lambda frame: metrics.push(machine.id, AGENT, "up 1\n")
        assert list(metrics.read_available(machine.id, [HOST, AGENT], reach=EVERYWHERE)) == [AGENT]
        assert sum(world.clock.pauses) == 5

    def test_closed_socket_is_recorded_and_not_waited_for(self, world, machine):
        connect(world, machine)
        del world.socket_client.frames[SOCKET]
        assert refusal(metrics_of(world), machine.id) is Kind.UNAVAILABLE
        assert world.clock.pauses == []
        assert world.fleet.nodes.reading.get(machine.id, reach=EVERYWHERE).presence.connection_id is None

    def test_failing_gateway_is_logged_and_not_waited_for(self, world, machine):
        connect(world, machine)
        world.socket_client.fails_with = "InternalServerError"
        assert refusal(metrics_of(world), machine.id) is Kind.UNAVAILABLE
        assert world.clock.pauses == []
        assert any('"wake_up_lost"' in line for line in world.lines.texts)

    def test_slightly_old_metrics_are_answered_if_the_agent_is_silent(self, world, machine):
        metrics = metrics_of(world, fresh_seconds=30)
        connect(world, machine)
        metrics.push(machine.id, HOST, "up 1\n")
        world.clock.advance(60)
        assert metrics.read(machine.id, HOST, reach=EVERYWHERE).metrics.text == "up 1\n"
        assert len(frames(world)) == 1


class TestScrape:
    def test_reachable_agent_is_scraped_once_and_the_text_cached(self, world, machine):
        scraper = FakeScraper(host="up 1\n")
        metrics = metrics_of(world, scraper)
        for _ in range(2):
            assert metrics.read(machine.id, HOST, reach=EVERYWHERE).metrics.text == "up 1\n"
        host = f"node-{machine.id}.cluster-north.nm.internal"
        assert scraper.asked == [Source(f"http://{host}:49100/metrics")]

    def test_scrape_of_agent_metrics_sends_the_node_token(self, world, machine):
        scraper = FakeScraper(agent="up 1\n")
        metrics_of(world, scraper, push_host="gateway.test").read(machine.id, AGENT, reach=EVERYWHERE)
        assert scraper.asked == [Source("http://gateway.test:44000/api/v1/agents/me/metrics/raw", machine.token)]

    def test_pushed_metrics_are_not_scraped_as_well(self, world, machine):
        scraper = FakeScraper(host="up 1\n", agent="scraped 1\n")
        metrics = metrics_of(world, scraper)
        connect(world, machine)
        world.socket_client.after_post = lambda frame: metrics.push(machine.id, HOST, "pushed 1\n")
        found = metrics.read_available(machine.id, [HOST, AGENT], reach=EVERYWHERE)
        assert {each: reading.metrics.text for each, reading in found.items()} == {
            HOST: "pushed 1\n",
            AGENT: "scraped 1\n",
        }
        assert len(scraper.asked) == 1

    def test_failed_scrape_falls_back_to_cached_metrics(self, world, machine):
        metrics = metrics_of(world, FakeScraper(), fresh_seconds=0)
        metrics.push(machine.id, HOST, "up 1\n")
        world.clock.advance(299)
        assert metrics.read(machine.id, HOST, reach=EVERYWHERE).metrics.text == "up 1\n"
        world.clock.advance(1)
        assert refusal(metrics, machine.id) is Kind.UNAVAILABLE

    def test_scraped_text_too_large_to_store_is_unavailable(self, world, machine):
        text = world.ids.token_bytes(400_000).hex()
        assert refusal(metrics_of(world, FakeScraper(host=text)), machine.id) is Kind.UNAVAILABLE
        assert any('"metrics_too_large"' in line for line in world.lines.texts)
