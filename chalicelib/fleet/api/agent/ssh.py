"""What a node's SSH server asks before it lets somebody in."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.ssh.rules import credential_of
from chalicelib.web.endpoint import AGENT, Endpoints, Request
from chalicelib.web.validation import Body, NoPath, NoQuery

MAX_BODY_BYTES = 64 * 1024
"""The largest of all that follows, whatever the letters, takes less."""

routes = Endpoints(tag="Agents")


class CredentialCheck(Body):
    """Either a password or a public key, as somebody presents it. An empty text counts as none."""

    username: Annotated[str, MinLen(1), MaxLen(255)]
    password: Annotated[str, MaxLen(1024)] | None = Field(default=None, repr=False)
    public_key: Annotated[str, MaxLen(8192)] | None = None


class CredentialCheckOut(BaseModel):
    verified: bool


@routes.post(
    "/api/v1/agents/ssh_usernames/verify_credentials",
    auth=AGENT,
    max_body_bytes=MAX_BODY_BYTES,
    answer=CredentialCheckOut,
    errors=(422, 429),
    summary="Check a login to the calling node",
)
def verify_ssh_credentials(
    request: Request[NoPath, NoQuery, CredentialCheck], services: Services
) -> CredentialCheckOut:
    said = request.body
    credential = credential_of(said.username, said.password, said.public_key)
    return CredentialCheckOut(verified=services.ssh_verifier.verify(request.agent.node, credential))
