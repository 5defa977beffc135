"""Logins that a node's SSH server asks about."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, Field

from chalicelib.fleet import samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.ssh.rules import credential_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Body, NoPath, NoQuery

MAX_BODY_BYTES = 64 * 1024
"""Above the largest body that the fields below allow, in any alphabet."""

routes = Endpoints(tag="Agents")


class CredentialCheck(Body):
    """A user name with either a password or a public key. An empty text counts as none."""

    username: Annotated[
        str, MinLen(1), MaxLen(255), about("Name that somebody tries to log in with.", samples.USERNAME)
    ]
    password: Annotated[
        Annotated[str, MaxLen(1024)] | None, about("The password that was given; null: none.", None)
    ] = Field(default=None, repr=False)
    public_key: Annotated[
        Annotated[str, MaxLen(8192)] | None,
        about("The public key that was offered, in OpenSSH's format; null: none.", samples.PUBLIC_KEY),
    ] = None


class CredentialCheckOut(BaseModel):
    """The decision about a login."""

    verified: Annotated[bool, about("Whether to let the user in.", True)]


@routes.post(
    "/api/v1/agents/ssh_usernames/verify_credentials",
    auth=AGENT,
    repeats="answers the same while nothing changes; a repeat counts as an attempt",
    max_body_bytes=MAX_BODY_BYTES,
    answer=CredentialCheckOut,
    errors=(422, 429),
    summary="Check a login to the calling node",
)
def verify_ssh_credentials(request: FromAgent[NoPath, NoQuery, CredentialCheck], services: Fleet) -> CredentialCheckOut:
    """Checks a login to the calling node. A wrong credential is answered with 200 and `verified` false. Refused with
    422 unless exactly one credential is given, with 429 after many failed logins to the node."""
    said = request.body
    credential = credential_of(said.username, said.password, said.public_key)
    return CredentialCheckOut(verified=services.ssh.verifier.verify(request.agent.node, credential))
