"""What tests of every kind share: injected time and chance, the fake of persistence, the emulator."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from chalicelib.kit.tables import Tables
from tests.support.collecting import Collecting
from tests.support.emulator import Emulator, running_emulator
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo
from tests.support.processor_time import ProcessorTime

END_TO_END = "tests/e2e/"

CLOUDS_OF_THEIR_OWN = ("tests/e2e/test_commands_of_make.py", "tests/e2e/test_tenants_of_the_cloud.py")
"""These end-to-end tests do not use the cloud that the others share."""

TOGETHER = (
    "tests/infra/",
    "tests/unit/project/",
    "tests/api/fleet/test_cost_ceilings.py",
    "samples/agent/tests/test_bundle_update.py",
)
"""Each file of these reads, packages or makes something that takes many seconds, and is used by all of its tests."""

ON_THE_EMULATOR = "emulator"
"""Among the parameters of tests on the emulator, which takes seconds to start in each process."""

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# No test may find a real account, whatever the machine has configured.
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
)
for _name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(_name, None)


class OneCloudScheduling(LoadScopeScheduling):
    """Spreads single tests over the workers of xdist, but gives those to one that share what takes long to make: the
    end-to-end tests of one local cloud, those of one file of `TOGETHER`, and those on the emulator. (Its own
    ``--dist loadgroup`` sees no groups under pytest 9.)"""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith(END_TO_END):
            return file if file in CLOUDS_OF_THEIR_OWN else END_TO_END
        if file.startswith(TOGETHER):
            return file
        return ON_THE_EMULATOR if ON_THE_EMULATOR in nodeid.partition("[")[2] else nodeid


def pytest_runtest_teardown() -> None:
    """Forget what each application of Chalice adds to the SDK's user agent: after hundreds of them, that header is
    longer than servers take."""
    os.environ.pop("AWS_EXECUTION_ENV", None)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Collecting())
    config.pluginmanager.register(ProcessorTime())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return OneCloudScheduling(config, log)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> FakeIds:
    return FakeIds()


@pytest.fixture
def fake_dynamo(clock: FakeClock) -> FakeDynamo:
    """All tables of the application, empty."""
    from tests.support.declared import TABLES  # noqa: PLC0415 - tests of the kit need no context

    return FakeDynamo(TABLES, clock)


@pytest.fixture
def tables(fake_dynamo: FakeDynamo, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(fake_dynamo, clock, ids)


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    """The one emulator of this test process."""
    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """The local cloud, empty before and after."""
    running.reset()
    yield running
    running.reset()
