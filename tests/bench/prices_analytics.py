"""What a deployment with analytics uses for each event, counted beside one of the fleet alone."""

from functools import cache

from chalicelib.machines.analytics.store import EVENTS
from tests.bench.prices import Usage
from tests.bench.prices_activities import FLEET, Stage, stored_bytes
from tests.support.declared import FAMILIES


@cache
def event() -> Usage:
    """One event, the end of a command, that comes alone: from the relay's envelope to the rows. The rule on the bus
    sends a message more, which no function does."""
    plain, watched = Stage(connected=False), Stage(connected=False, families=FAMILIES)
    recorded = watched.used_by(watched.run_command, FLEET) - plain.used_by(plain.run_command, FLEET)
    return recorded + Usage(sqs_requests=1)


@cache
def event_bytes() -> float:
    """The row of an event. Hours and days are shared by all of theirs."""
    stage = Stage(connected=False, families=FAMILIES)
    before = stored_bytes(stage.world, (EVENTS,))
    stage.run_command()
    return (stored_bytes(stage.world, (EVENTS,)) - before) / FLEET
