"""One local cloud for all end-to-end tests of a session."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from infra.local.bus_tap import BusTap
from infra.local.cloud import LocalCloud
from infra.local.operator_api import Operator
from infra.local.options import Options
from infra.local.sweeper import call_scheduled
from tests.e2e.api import Api
from tests.e2e.link import Link
from tests.support.aws_clients import local_client

HERE = Path(__file__).parent

HOURLY = 3600.0
"""Tests call the sweeps themselves."""

SETTINGS = {
    "PUSH_ENABLED": "true",
    "PUSH_HOST": "127.0.0.1",
    "POLL_SECONDS": "1",  # of agents without a socket
    "METRICS_KEY": "metrics-key-of-the-end-to-end-tests",
    "WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "WEBHOOK_MAX_ATTEMPTS": "3",
    "WEBHOOK_RETRY_SECONDS": "1",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last: looks back on what the other end-to-end tests did")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """They share one cloud and leave machines in it: they keep their order, whatever another plugin shuffles, and those
    that look back come last."""
    place = {item.nodeid: number for number, item in enumerate(items)}
    yield
    ours = [item for item in items if HERE in item.path.parents]
    ours.sort(key=lambda item: (item.get_closest_marker("last") is not None, place[item.nodeid]))
    items[:] = [item for item in items if HERE not in item.path.parents] + ours


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The whole application; nothing in it is reset between tests."""
    with LocalCloud(Options(settings=SETTINGS, sweep_seconds=HOURLY, record_calls=True)) as cloud:
        # A fleet without nodes has a whole table of terms from the start.
        call_scheduled(cloud.client("lambda"), [cloud.function_name("check_health")])
        yield cloud


@pytest.fixture(scope="session")
def operator(cloud: LocalCloud) -> Operator:
    return Operator(cloud.url, cloud.master_key)


@pytest.fixture(scope="session")
def api(cloud: LocalCloud) -> Api:
    """The operator API with its master key."""
    return Api(cloud.url, cloud.master_key)


@pytest.fixture(scope="session")
def tap(cloud: LocalCloud) -> BusTap:
    """Every event of the session from here on."""
    return BusTap(
        local_client(cloud.emulator_url, "events"), local_client(cloud.emulator_url, "sqs"), cloud.event_bus_name
    )


@pytest.fixture
def link() -> Iterator[Link]:
    link = Link()
    yield link
    link.close()
