"""Decides from a machine and its node whether an instance is ready, and whether it still is what its row
wants. Pure."""

from datetime import timedelta

from chalicelib.machines.instances.model import RUNS_AS
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, State

ENROLS_WITHIN = timedelta(minutes=15)
"""How long an instance may take to become ready, and how long its enrollment key is good."""

NODE_ID, NODE_STATUS = "node_id", "node_status"
"""What is noted of an instance's node in `Resource.observed`."""

NODE_DELETED = "deleted"
"""The status that is noted of a node that is gone."""

OTHER_TYPE = "other_type"
"""The type that a machine has, where it is not the one that the row wants."""

GROUPS, OTHER_GROUPS = "groups", "other_groups"
"""The security groups that a machine has in a network of its tenant: as its provider tells them, and as they are noted
where they are not those of the row."""

NOT_ENROLLED = "agent did not enrol: the console output of the machine says how far it came"
NODE_IS_GONE = "its node was deleted from the fleet: delete the instance, or enrol the machine again with a new key"


IN_OTHER_GROUPS = (
    "its security groups were changed at its provider: attach or detach one, and it has all of these again"
)
OF_OTHER_TYPE = "the machine is of the type {}: change its type again, or delete it"


def unready(resource: Resource, observation: Observation) -> str:
    """A machine that is to join a cluster is ready once its agent has enrolled, unless it does not wait for that."""
    return NOT_ENROLLED if _waits(resource) and _lacks_node(observation) else ""


def drifted(resource: Resource, observation: Observation) -> str:
    """A machine of another type or in other groups is changed, or has failed where it is at rest. One whose node was
    deleted gets no work any more; a change of the machine does not mend that, so it counts only at rest."""
    if other := observation.facts.get(OTHER_TYPE):
        return OF_OTHER_TYPE.format(other)
    if OTHER_GROUPS in observation.facts:
        return IN_OTHER_GROUPS
    if not _waits(resource):
        return ""
    is_at_rest = resource.state in {State.READY, State.FAILED}
    return NODE_IS_GONE if is_at_rest and observation.facts.get(NODE_STATUS) == NODE_DELETED else ""


def runs_as(resource: Resource, observation: Observation) -> str | None:
    """The template that a machine runs as: that of its row, or the one before if it is still of another type. None if
    it does not run."""
    if observation.seen is not Seen.READY:
        return None
    template = resource.observed.get(RUNS_AS) if OTHER_TYPE in observation.facts else resource.spec["template_id"]
    return None if template is None else str(template)


def _waits(resource: Resource) -> bool:
    return bool(resource.spec.get("waits_for_agent", True))


def _lacks_node(observation: Observation) -> bool:
    facts = observation.facts
    return NODE_ID in facts and facts[NODE_ID] is None
