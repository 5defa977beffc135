"""A strict S3 whose calls take their time, and at which workers and requests die, pause and lose answers."""

from collections.abc import Callable
from typing import Any

from chalicelib.cloud.storage.rules import physical_prefix
from tests.support.fakes.s3 import FakeS3

LAG_SECONDS = 1.5


class SimulatedS3(FakeS3):
    """``world`` is met before each call. ``came_late`` are the names of buckets made by workers that had paused for
    longer than their lease: their row may have gone meanwhile."""

    def __init__(self, world: Any) -> None:
        super().__init__(world.clock, physical_prefix(world.platform.settings.table_prefix))
        self.lag_seconds = LAG_SECONDS
        self.keep(world.platform.settings.images_bucket)
        self.keep(world.platform.settings.agent_bucket)
        self.came_late: set[str] = set()
        self._world = world

    def calm(self) -> None:
        """No further call fails."""
        self._troubles.clear()

    def _do(self, operation: str, request: Any, call: Callable[[], Any]) -> Any:
        self._world.meet()
        if operation == "CreateBucket" and self._world.is_late:
            self.came_late.add(request["Bucket"])
        return super()._do(operation, request, call)
