"""The audit log: each request of an operator that changed something is in it, with what it did and who sent it."""

from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.origin import current_origin
from chalicelib.kit.tables import Check, Item, Write
from chalicelib.platform.access import key_text
from chalicelib.platform.access.principal import PrincipalKind, known_by
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.platform.idempotency.store import TABLE as ANSWERS
from chalicelib.platform.identity.verification_store import VERIFICATIONS
from chalicelib.platform.limits.store import LIMITS
from tests.simulation.engine.gateway import Exchange
from tests.simulation.scene import REFUSED, Scene, Simulation
from tests.support.client import MASTER_KEY
from tests.support.fakes.dynamo import Plan

UNNOTED = frozenset({DATA_KEYS.name, LIMITS.name, VERIFICATIONS.name, "login_tries", AUDIT_EVENTS.name, ANSWERS.name})
"""Tables in which requests write that come to nothing: the first one that needs a key makes it, tries are counted,
and a mail is asked for, whoever the address belongs to. The log and answers are no changes either."""

OF_A_USE = {"last_used_at", "version", "changed_by"}

Act = tuple[str, str]
"""The id of a request, and its verb."""

Who = tuple[str, str]
"""Kind and id of a principal."""


class _Acts:
    """Which requests changed anything; who is to be in the log with which act, by stamps of rows and by answers."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.stamped: dict[Act, Who] = {}
        self.answered: dict[Act, Who | None] = {}


def note_requests(scene: Scene, _operation: str, plan: Plan) -> None:
    acts, request_id = scene.recall(_Acts), current_origin().request_id
    for write, _, old, new in plan:
        if not _is_change(write, old, new):
            continue
        if request_id:
            acts.changed.add(request_id)
        stamp: dict[str, str] = (new or {}).get("changed_by") or {}  # type: ignore[assignment]
        if stamp.get("verb") and stamp.get("request_id") and (old or {}).get("changed_by") != stamp:
            kind, principal_id = known_by(stamp["actor"])
            acts.stamped[stamp["request_id"], stamp["verb"]] = kind.value, principal_id


def _is_change(write: Write, old: Item | None, new: Item | None) -> bool:
    if write.table.name in UNNOTED or isinstance(write, Check):
        return False
    if write.table is API_KEYS and old is not None and new is not None:
        return any(old.get(name) != new.get(name) for name in {*old, *new} - OF_A_USE)
    return True


def note_answers(scene: Scene, exchange: Exchange) -> None:
    """Requests that were answered with success, and changed something."""
    acts, endpoint = scene.recall(_Acts), exchange.endpoint
    is_done = exchange.answer.status < REFUSED and exchange.request_id in acts.changed
    if is_done and endpoint is not None and not endpoint.is_read and endpoint.audit:
        acts.answered[exchange.request_id, endpoint.audit] = _sender(exchange)


def _sender(exchange: Exchange) -> Who | None:
    """Who has sent a request, by its key; None for a token or a password."""
    text = (exchange.options.get("headers") or {}).get("X-API-Key") or exchange.options.get("key", MASTER_KEY)
    if text == MASTER_KEY:
        return PrincipalKind.ROOT.value, "MASTER_KEY"
    parsed = key_text.parse(text or "")
    return None if parsed is None else (PrincipalKind.KEY.value, parsed.id)


def each_request_that_changed_something_is_audited(scene: Scene) -> None:
    acts = scene.recall(_Acts)
    audited: dict[Act, Who] = {
        (str(row["request_id"]), str(row["operation"])): (str(row["principal_kind"]), str(row.get("principal_id", "")))
        for row in scene.rows(AUDIT_EVENTS)
    }
    for expected in (acts.answered, acts.stamped):
        missing = {act: who for act, who in expected.items() if act not in audited}
        assert not missing, f"not in the audit log: {missing}"
        others = {act: (who, audited[act]) for act, who in expected.items() if who not in {None, audited[act]}}
        assert not others, f"somebody else is in the audit log: {others}"


SIMULATION = Simulation(
    invariants=(each_request_that_changed_something_is_audited,),
    watches=(note_requests,),
    ears=(note_answers,),
)
