"""Rehearsals of the worst days, in a local cloud with real HTTP and real agents: `make rehearse`."""
