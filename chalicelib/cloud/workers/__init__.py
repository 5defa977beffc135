"""The cloud's functions."""

from chalicelib.cloud.wiring import Cloud
from chalicelib.platform.workers.entry import Entry

CLOUD = Entry(lambda platform: platform.container(Cloud))
"""The decorators of the cloud's workers."""
