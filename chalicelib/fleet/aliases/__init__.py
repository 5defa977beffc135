"""Aliases: further names of nodes, unique inside a cluster."""
