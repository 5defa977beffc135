"""Limits of requests: for each key, shared by all containers, and for each address where there is no key."""
