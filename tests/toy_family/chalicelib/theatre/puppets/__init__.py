"""Puppets, which are repaired by a worker."""
