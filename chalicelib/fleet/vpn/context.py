"""The context value of `vpn`: a port without tables or workers; the mesh behind it is the context `mesh`."""

from chalicelib.platform.context import Context

CONTEXT = Context(name="vpn")
