"""How a driver tells that a thing at EC2 is not as its row wants it. Pure."""

from chalicelib.platform.provisioning.model import Observation, Resource

DRIFT = "drift"
"""The fact of a thing: what of it is not as it shall be, and what helps; "" if it is as it shall be."""


def drifted(_resource: Resource, observation: Observation) -> str:
    """See `platform.provisioning.ports.Kind.drifted`."""
    return str(observation.facts.get(DRIFT, ""))
