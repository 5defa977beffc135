"""The queue of the context `mesh`; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

VPN = Queue("vpn", is_delayed=True)
"""Changes of clusters, nodes and aliases for the mesh to follow."""
