"""The decorators of the fleet's workers: they are given the fleet's container."""

from chalicelib.fleet.wiring import Fleet
from chalicelib.platform.workers.entry import Entry

FLEET = Entry(lambda platform: platform.container(Fleet))
