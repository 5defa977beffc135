"""Clusters: named groups of nodes, each with an address range of its own and, if wished, a limit of nodes."""
