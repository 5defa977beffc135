"""The first call of a machine: its enrollment key for a registration token."""

from pydantic import BaseModel, Field

from chalicelib.bootstrap import Services
from chalicelib.kit.errors import invalid
from chalicelib.web.endpoint import PUBLIC, Endpoints, Request
from chalicelib.web.validation import Body, NoPath, NoQuery, Uuid

routes = Endpoints(tag="Agents")


class KeyVerification(Body):
    """A machine that says its ``node_id`` may ask again without taking a second use."""

    key: str
    node_id: Uuid | None = None


class KeyVerificationOut(BaseModel):
    """``netmaker_key`` is the token to register with, or, where there is a mesh, to join its network with;
    ``network_name`` what to register for; both empty if not verified, ``error`` empty if so."""

    verified: bool
    error: str
    netmaker_key: str = Field(repr=False)
    network_name: str


@routes.post(
    "/api/v1/agents/enrollment_keys/verify",
    auth=PUBLIC,
    answer=KeyVerificationOut,
    errors=(422,),
    summary="Verify an enrollment key",
)
def verify_key(request: Request[NoPath, NoQuery, KeyVerification], services: Services) -> KeyVerificationOut:
    """Takes one use of the key. A key that lets nobody in is an answer, not an error: `error` is `invalid_key`,
    `key_expired`, `key_spent` or `node_limit_reached`; for a machine that says its `node_id` also `node_blocked`, if an
    operator keeps it out, or `node_removed`, if it was deleted since the key was made."""
    if not request.body.key.strip():
        raise invalid("key", "can't be blank")
    verification = services.enrollment.verify(request.body.key, request.body.node_id)
    return KeyVerificationOut(
        verified=verification.verified,
        error=verification.error,
        netmaker_key=verification.registration_token,
        network_name=verification.network_name,
    )
