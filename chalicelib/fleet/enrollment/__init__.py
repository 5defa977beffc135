"""Enrolment: keys that let a machine join a cluster, and the single-use tokens that a key is exchanged for."""
