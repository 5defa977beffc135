"""How a driver tells that a thing at EC2 is not as its row wants it. Pure."""

from chalicelib.platform.provisioning.model import Observation, Resource

DRIFT = "drift"
"""The name of the fact that says how a thing at EC2 differs from its row, and the remedy; "" if it does not."""


def drifted(_resource: Resource, observation: Observation) -> str:
    """See `platform.provisioning.ports.Kind.drifted`."""
    return str(observation.facts.get(DRIFT, ""))
