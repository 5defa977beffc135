"""The machines' functions."""

from chalicelib.machines.wiring import Machines
from chalicelib.platform.workers.entry import Entry

MACHINES = Entry(lambda platform: platform.container(Machines))
"""The decorators of the machines' workers."""
