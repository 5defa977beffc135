"""The local cloud that sections share: starting one takes longer than most of them."""

import atexit
import time
from collections.abc import Callable
from functools import cache

from infra.local.cloud import LocalCloud
from infra.local.options import Options
from tests.support.aws_clients import local_client

POLL_SECONDS = 2
"""Of agents without a socket: of the default of 60 s there is nothing to learn but patience."""

SETTINGS = {
    "POLL_SECONDS": str(POLL_SECONDS),
    "PUBLIC_RATE_PER_SECOND": "100000",  # all callers have one address here
    "PUBLIC_BURST": "100000",
}

PATIENCE_SECONDS = 60.0
QUIET_SECONDS = 0.3

_LOOK_SECONDS = 0.05
_HOURLY = 3600.0
_UNFINISHED = [f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed")]


class BenchFailedError(Exception):
    """Something that a figure needs did not happen."""


@cache
def shared_cloud() -> LocalCloud:
    """The one of this process, started at first use; it ends with the process. Its schedules stay still."""
    cloud = LocalCloud(Options(settings=SETTINGS, sweep_seconds=_HOURLY, check_roles=False))
    atexit.register(cloud.stop)
    return cloud.__enter__()


def wait_until_quiet(cloud: LocalCloud) -> None:
    """Until no queue has had anything for a while. Raises `BenchFailedError`."""
    sqs = local_client(cloud.emulator_url, "sqs")

    def is_empty() -> bool:
        for url in cloud.queue_urls.values():
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_UNFINISHED)["Attributes"]
            if any(int(counts[name]) for name in _UNFINISHED):
                return False
        return True

    for _ in range(2):
        time.sleep(QUIET_SECONDS)
        wait_until(is_empty, "empty queues")


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Looks now and then: what is timed says itself when it happened. Raises `BenchFailedError` after a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise BenchFailedError(f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}")
        time.sleep(_LOOK_SECONDS)
