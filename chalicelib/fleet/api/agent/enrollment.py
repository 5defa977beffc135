"""The first call of a machine: it exchanges its enrollment key for a registration token."""

from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.fleet import samples
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import BLANK, invalid
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import PUBLIC, Endpoints, Request
from chalicelib.web.validation import Body, NoPath, NoQuery, Uuid

routes = Endpoints(tag="Agents")


class KeyVerification(Body):
    """The enrollment key that a machine presents."""

    key: Annotated[str, about("The enrollment key, exactly as the operator was given it.", samples.KEY)]
    node_id: Annotated[
        Uuid | None,
        about(
            "UUID that the machine will register under. With it, asking again does not take a second use.",
            samples.NODE_ID,
        ),
    ] = None


class KeyVerificationOut(BaseModel):
    """Whether the key admits the machine, and if so what it needs to register."""

    verified: Annotated[bool, about("Whether the key admits the machine.", True)]
    error: Annotated[
        str,
        about(
            "Why it does not; empty if it does. One of `invalid_key`, `key_expired`, `key_spent`, "
            "`node_limit_reached`, `node_removed` (deleted since the key was made) and `node_blocked`.",
            "",
        ),
    ]
    netmaker_key: Annotated[
        str,
        about(
            "Token to register with; with a mesh, the token to join its network with. Empty if not verified.",
            samples.REGISTRATION_TOKEN,
        ),
    ] = Field(repr=False)
    network_name: Annotated[str, about("Network to register for. Empty if not verified.", samples.NETWORK)]


@routes.post(
    "/api/v1/agents/enrollment_keys/verify",
    auth=PUBLIC,
    repeats="changes nothing",
    answer=KeyVerificationOut,
    errors=(422,),
    summary="Verify an enrollment key",
)
def verify_key(request: Request[NoPath, NoQuery, KeyVerification], services: Fleet) -> KeyVerificationOut:
    """Verifies an enrollment key, takes one use of it and returns a registration token. A key that admits no machine is
    answered with 200, `verified` false and the reason in `error`; only an empty key is refused with 422. With `node_id`
    the reason can also be `node_blocked` or `node_removed`, and asking again within a day takes no second use."""
    if not request.body.key.strip():
        raise invalid("key", BLANK)
    verification = services.enrollment.verify(request.body.key, request.body.node_id)
    return KeyVerificationOut(
        verified=verification.verified,
        error=verification.error,
        netmaker_key=verification.registration_token,
        network_name=verification.network_name,
    )
