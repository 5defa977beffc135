"""Self-updates of agents: whether to update, and the outcome."""

from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.nodes.identity import require_sole
from chalicelib.fleet.updates.model import NodeState, Report
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

LONGEST_REASON = 500

routes = Endpoints(tag="Agents.SelfUpdate", auth=AGENT)


class UpdateCheckOut(BaseModel):
    """Whether the calling agent is to update itself."""

    including_me: Annotated[
        bool,
        about(
            "Whether a request includes this node. Update only if `inserted_at` is also newer than at the last update.",
            True,
        ),
    ]
    inserted_at: Annotated[
        Timestamp | None, about("When the newest request for this node was made; null: there is none.", samples.MOMENT)
    ]
    request_id: Annotated[
        str | None, about("UUID of the request to report the outcome to; null: none.", samples.UPDATE_ID, format="uuid")
    ]
    version: Annotated[str | None, about("Version to install; null: the current one.", samples.VERSION)]


class OutcomePath(Path):
    self_update_request_id: Annotated[Uuid, about("`request_id` of the check.", samples.UPDATE_ID)]


class OutcomeIn(Body):
    """The outcome of an update."""

    status: Annotated[Literal["updated", "failed"], about("Whether the agent runs the wanted version now.")]
    version: Annotated[
        str, MinLen(1), MaxLen(255), about("Version that the agent runs now, after either outcome.", samples.VERSION)
    ]
    reason: Annotated[
        Annotated[str, MaxLen(LONGEST_REASON)] | None,
        about("Why the update failed, for people; null: no reason.", None),
    ] = None


class OutcomeOut(BaseModel):
    """The outcome as it is kept."""

    self_update_request_id: Annotated[str, fields.UPDATE_REQUEST]
    node_id: Annotated[str, fields.NODE]
    status: Annotated[str, about("`updated` or `failed`.", "updated")]
    version: Annotated[str | None, about("Version that the agent reported.", samples.VERSION)]


@routes.get(
    "/api/v1/agents/self_updates/check",
    answer=UpdateCheckOut,
    errors=(409,),
    summary="Check for a self-update",
)
def check_self_update(request: FromAgent[NoPath, NoQuery, NoBody], services: Fleet) -> UpdateCheckOut:
    """Returns whether the calling agent is to update itself, and to which version. Agents ask when they are woken and
    from time to time. Refused with 409 `identity_conflict` while another machine uses the node's identity too."""
    require_sole(request.agent)
    answer = services.updates.requests.check(request.agent)
    return UpdateCheckOut(
        including_me=answer.including_me,
        inserted_at=answer.inserted_at,
        request_id=answer.request_id,
        version=answer.version,
    )


@routes.patch(
    "/api/v1/agents/self_updates/{self_update_request_id}/outcome",
    contract_path="/api/v1/agents/self_updates/{self_update_request_id}/outcome",
    answer=OutcomeOut,
    errors=(404, 409),
    summary="Report the outcome of a self-update",
)
def report_self_update(request: FromAgent[OutcomePath, NoQuery, OutcomeIn], services: Fleet) -> OutcomeOut:
    """Reports the outcome of an update. The same report again changes nothing; a different one is refused with 409."""
    said = request.body
    report = Report(NodeState(said.status), said.version, said.reason or None)
    row = services.updates.outcomes.report(request.agent, request.path.self_update_request_id, report)
    return OutcomeOut(
        self_update_request_id=row.request_id, node_id=row.node_id, status=row.state.value, version=row.agent_version
    )
