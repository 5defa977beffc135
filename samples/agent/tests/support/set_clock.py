from datetime import UTC, datetime

from edge_agent.ports.clock import SystemClock


class SetClock(SystemClock):
    """Stands still until a test moves it. Wall time and monotonic time are independent."""

    def __init__(self, moment=datetime(1999, 1, 1, tzinfo=UTC)):
        self.moment = moment
        self.seconds = 0.0

    def now(self):
        return self.moment

    def monotonic(self):
        return self.seconds
