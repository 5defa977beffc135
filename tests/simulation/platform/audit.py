"""The audit log: each request of an operator that changed something is in it."""

from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.platform.identity.verification_store import VERIFICATIONS
from chalicelib.platform.limits.store import LIMITS
from tests.simulation.scene import Scene, Simulation
from tests.support.fakes.dynamo import Plan

UNNOTED = frozenset({DATA_KEYS.name, LIMITS.name, VERIFICATIONS.name, "login_tries"})
"""Tables in which requests write that come to nothing: the first one that needs a key makes it, tries are counted,
and a mail is asked for, whoever the address belongs to."""


class _Changed:
    """The requests that changed something, with their verbs."""

    def __init__(self) -> None:
        self.verbs: dict[str, str] = {}


def note_requests(scene: Scene, _operation: str, plan: Plan) -> None:
    for write, _, old, new in plan:
        if write.table.name in UNNOTED:
            continue
        stamp = (new or {}).get("changed_by") or {}
        if stamp.get("verb") and stamp.get("request_id") and (old or {}).get("changed_by") != stamp:
            scene.recall(_Changed).verbs[stamp["request_id"]] = stamp["verb"]


def each_request_that_changed_something_is_audited(scene: Scene) -> None:
    audited = {row["request_id"] for row in scene.rows(AUDIT_EVENTS)}
    missing = {request: verb for request, verb in scene.recall(_Changed).verbs.items() if request not in audited}
    assert not missing, f"not in the audit log: {missing}"


SIMULATION = Simulation(
    invariants=(each_request_that_changed_something_is_audited,),
    watches=(note_requests,),
)
