"""One local cloud for all end-to-end tests of a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import LocalCloud, Options
from infra.local.operator_api import Operator

HERE = Path(__file__).parent

HOURLY = 3600.0
"""Tests call the sweeps themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs them all: a cloud each would not fit on a small machine."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("local-cloud"))


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The whole application; nothing in it is reset between tests."""
    with LocalCloud(Options(sweep_seconds=HOURLY, record_calls=True)) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def operator(cloud: LocalCloud) -> Operator:
    return Operator(cloud.url, cloud.master_key)
