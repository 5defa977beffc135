"""What `events` is: its tables and queues, what works for it, and what that may do."""

from chalicelib.platform.context import Context

CONTEXT = Context(
    name="events",
)
