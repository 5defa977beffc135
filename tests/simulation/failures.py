"""What no part of the system may do: answer with 500, or fail once all faults have ended."""

from tests.simulation.engine.gateway import Exchange
from tests.simulation.scene import SERVER_ERROR, Scene, Simulation


def no_request_fails(_scene: Scene, exchange: Exchange) -> None:
    """Where AWS fails, it is told to ask again (503), or that something behind it failed (502)."""
    assert exchange.answer.status != SERVER_ERROR, str(exchange)


def no_request_fails_in_calm(scene: Scene, exchange: Exchange) -> None:
    is_calm = scene.world.clock.now() >= scene.world.calm_since
    assert not (is_calm and exchange.answer.status >= SERVER_ERROR), str(exchange)


def nothing_fails_in_calm(scene: Scene) -> None:
    """Functions that are started when all faults have ended do their work at the first try."""
    failed = scene.world.failed_in_calm
    assert not failed, f"failed with nothing in their way: {failed[:5]}"


SIMULATION = Simulation(invariants=(nothing_fails_in_calm,), ears=(no_request_fails, no_request_fails_in_calm))
