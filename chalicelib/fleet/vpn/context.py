"""What `vpn` is: a port, without tables or workers of its own. The mesh behind it is `mesh`."""

from chalicelib.platform.context import Context

CONTEXT = Context(name="vpn")
