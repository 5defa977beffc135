"""Nodes: enrolment, identity, health, sockets and where a node belongs."""
