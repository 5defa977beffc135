"""Tells other families what a machine pushes about itself, if one of them wants to know."""

from collections.abc import Callable

from chalicelib.fleet.facts import METRICS_PUSHED
from chalicelib.fleet.metrics.host import host_figures
from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Tables
from chalicelib.platform.events.service import Events


class HostTeller:
    """``is_wanted`` says whether a family of this deployment subscribes to the fact: without one, nothing is written.
    It is asked when the first machine pushes, since it loads the declarations of all contexts."""

    def __init__(self, tables: Tables, clock: Clock, events: Events, is_wanted: Callable[[str], bool]) -> None:
        self._tables = tables
        self._clock = clock
        self._events = events
        self._is_wanted = is_wanted

    def tell(self, node_id: str, text: str) -> None:
        """One write for a push that holds a figure. If it fails the agent pushes again, and an average then counts the
        figures twice. Raises `EdgeError` (service unavailable)."""
        if not self._is_wanted(METRICS_PUSHED):
            return
        figures = host_figures(text, self._clock.now())
        told = {
            "load": figures.cpu.load_1m,
            "memory_percent": figures.memory.usage_percent,
            "disk_percent": figures.disk.usage_percent,
        }
        if any(value is not None for value in told.values()):
            self._tables.write(self._events.occurrence(METRICS_PUSHED, {"node_id": node_id, **told}), "metrics.told")
