"""The port to the mesh that nodes are members of, its adapter for installations without one, and the names in it."""
