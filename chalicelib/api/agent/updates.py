"""Agents ask whether they should update themselves: after a wake-up, and every now and then."""

from pydantic import BaseModel

from chalicelib.api.endpoint import AGENT, Endpoints, Request
from chalicelib.api.validation import NoBody, NoPath, NoQuery, Timestamp
from chalicelib.bootstrap import Services

routes = Endpoints(tag="Agents.SelfUpdate")


class UpdateCheckOut(BaseModel):
    """An agent updates itself if it is included and ``inserted_at`` is newer than that of the last time."""

    including_me: bool
    inserted_at: Timestamp | None


@routes.get(
    "/api/v1/agents/self_updates/check",
    auth=AGENT,
    answer=UpdateCheckOut,
    errors=(409,),
    summary="Ask whether to update oneself",
)
def check_self_update(request: Request[NoPath, NoQuery, NoBody], services: Services) -> UpdateCheckOut:
    """409 `identity_conflict`: another machine uses this node's identity too, and neither is to update itself."""
    services.nodes.require_sole(request.agent)
    answer = services.self_updates.check(request.agent)
    return UpdateCheckOut(including_me=answer.including_me, inserted_at=answer.inserted_at)
