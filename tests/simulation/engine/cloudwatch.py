"""CloudWatch for a world: whoever asks it may die there, or pause."""

from typing import Any

from tests.support.fakes.cloudwatch import FakeCloudWatch


class SimulatedCloudWatch(FakeCloudWatch):
    """``world`` is met before each call."""

    def __init__(self, world: Any) -> None:
        super().__init__(world.clock)
        self._meet = world.meet

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self._meet()
        return super().get_metric_data(**request)
