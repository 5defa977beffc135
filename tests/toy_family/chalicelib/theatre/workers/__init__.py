"""The theatre's functions."""

from chalicelib.platform.workers.entry import Entry
from chalicelib.theatre.wiring import Theatre

THEATRE = Entry(lambda platform: platform.container(Theatre))
"""The decorators of the theatre's workers."""
