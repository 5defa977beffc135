"""Logins that a node's SSH server asks about."""

from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, Field, StringConstraints

from chalicelib.fleet import samples
from chalicelib.fleet.api.protocol import AGENT, FromAgent
from chalicelib.fleet.ssh.group_model import FINGERPRINT_PATTERN
from chalicelib.fleet.ssh.model import OpenSession
from chalicelib.fleet.ssh.rules import credential_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.validation import Body, DateTime, NoPath, NoQuery, Timestamp

MAX_BODY_BYTES = 64 * 1024
"""Above the largest body that the fields below allow, in any alphabet."""

SESSIONS_MAX = 32
"""Sessions of one question."""

routes = Endpoints(tag="Agents", auth=AGENT)


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
    checked_at: Annotated[Timestamp, about("When this was looked up, for later checks of the session.", samples.MOMENT)]


@routes.post(
    "/api/v1/agents/ssh_usernames/verify_credentials",
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
    # Before anything is read: access that is taken away meanwhile ends the session later.
    checked_at = to_seconds_text(services.platform.clock.now())
    verified = services.ssh.verifier.verify(request.agent.node, credential)
    return CredentialCheckOut(verified=verified, checked_at=checked_at)


class SessionIn(Body):
    """An open session, as it was let in."""

    id: Annotated[str, MinLen(1), MaxLen(64), about("What the agent calls the session.", "7")]
    username: Annotated[str, MinLen(1), MaxLen(255), about("Name that the user logged in with.", samples.USERNAME)]
    fingerprint: Annotated[
        Annotated[str, StringConstraints(pattern=FINGERPRINT_PATTERN)] | None,
        about("SHA-256 fingerprint of the key that let the user in; null: a password did.", samples.FINGERPRINT),
    ] = None
    checked_at: Annotated[DateTime, about("`checked_at` of the answer that let the user in.", samples.MOMENT)]


class SessionCheck(Body):
    """The open sessions of a node."""

    sessions: Annotated[tuple[SessionIn, ...], MaxLen(SESSIONS_MAX), about("The sessions to look at.")]


class SessionCheckOut(BaseModel):
    """The sessions that have to end."""

    ended: Annotated[list[str], about("Ids of the sessions whose users may not be logged in any more.", ["7"])]


@routes.post(
    "/api/v1/agents/ssh_usernames/check_sessions",
    repeats="only reads",
    max_body_bytes=MAX_BODY_BYTES,
    answer=SessionCheckOut,
    summary="Check the open SSH sessions of the calling node",
)
def check_ssh_sessions(request: FromAgent[NoPath, NoQuery, SessionCheck], services: Fleet) -> SessionCheckOut:
    """Says which open sessions of the calling node have to end: those of people whose access was taken away since they
    logged in, or whose user name, key or place in the group is gone. An agent asks while sessions are open."""
    sessions = [
        OpenSession(each.id, each.username, each.fingerprint, to_seconds_text(each.checked_at))
        for each in request.body.sessions
    ]
    return SessionCheckOut(ended=services.ssh.sessions.ended(request.agent.node, sessions))
