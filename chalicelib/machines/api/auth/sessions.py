"""Sessions of users."""

from chalicelib.kit.errors import rate_limited
from chalicelib.machines.api.auth.models import (
    AcknowledgedOut,
    CodeSent,
    SessionItem,
    SessionListOut,
    SessionOut,
    SessionPath,
    SessionsOut,
    SessionStart,
    SessionStartedOut,
)
from chalicelib.machines.api.auth.protocol import ANYONE, SESSION_HOLDER, USER, Dialect, dialect_of
from chalicelib.machines.permissions import SESSIONS_READ, SESSIONS_WRITE
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.identity.model import Client, Session, StartedSession, Subject
from chalicelib.platform.identity.rules import address_of
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.exchange import Incoming
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Sessions")

LONGEST_AGENT = 256
"""Characters of a client's name that are kept."""

ROLES = (KeyRole.OPERATOR.value,)
"""The roles of a user in its tenant."""


@routes.post(
    "/api/auth/v2/session",
    auth=ANYONE,
    repeats="each session is one of its own, and ends by itself unless it is verified",
    answer=SessionStartedOut,
    summary="Start a session",
)
def start_session(request: Request[NoPath, NoQuery, SessionStart], services: Machines) -> SessionStartedOut:
    """Starts a session, and mails a code to the address. The token is good once the code has come back. An address that
    no user has is answered alike, and gets no mail. Refused with 429 for too many mails to one address."""
    email = address_of(request.body.email)
    hold_mails_to(email, request.address, services)
    started = services.platform.identity.sessions.start(email, client_of(request.incoming, request.body.kind))
    return show_started(started, dialect_of(request.incoming))


@routes.put(
    "/api/auth/v2/session/verification",
    auth=ANYONE,
    answer=AcknowledgedOut,
    summary="Verify a session",
)
def verify_session(request: Request[NoPath, NoQuery, CodeSent], services: Machines) -> AcknowledgedOut:
    """Takes the code that was mailed for a session: its token is good from now on. A code can be used once, within ten
    minutes, and five codes can be tried."""
    body = request.body
    services.platform.identity.verifications.verify(body.verification_code_id, body.code, Subject.SESSION)
    return AcknowledgedOut()


@routes.put(
    "/api/auth/v2/session/extend",
    auth=SESSION_HOLDER,
    answer=AcknowledgedOut,
    summary="Extend a session",
)
def extend_session(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> AcknowledgedOut:
    """Lets the session that asks last as long from now as a new one."""
    services.platform.identity.sessions.extend(request.principal)
    return AcknowledgedOut()


@routes.get(
    "/api/auth/v2/session",
    auth=SESSION_HOLDER,
    answer=SessionOut,
    summary="Get the session",
)
def get_session(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> SessionOut:
    """Returns the session that asks, and its user."""
    session = services.platform.identity.sessions.of(request.principal)
    user = services.platform.identity.find_user(session.user_id)
    return SessionOut(
        session_id=session.id,
        user_id=session.user_id,
        alias=user.alias if user else session.name,
        full_name=user.full_name if user else session.name,
        expire_at=dialect_of(request.incoming).time(session.expires_at),
        ip=session.ip,
        user_agent=session.user_agent,
        verified=session.verified,
        kind=session.kind,
        roles=ROLES,
        groups=(),
    )


@routes.get(
    "/api/auth/v2/sessions",
    auth=USER,
    permission=SESSIONS_READ,
    scope=Scope.TENANT,
    answer=SessionsOut,
    summary="List sessions",
)
def list_sessions(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> SessionsOut:
    """Lists the sessions of the caller's user, the newest first; a key without a user has none. A new one may take a
    moment to appear."""
    dialect = dialect_of(request.incoming)
    sessions = services.platform.identity.sessions.usable(request.principal)
    items = tuple(_item(session, request.principal.id, dialect) for session in sessions)
    return SessionsOut(items if dialect.has_bare_lists else SessionListOut(sessions=items))


@routes.delete(
    "/api/auth/v2/session/{session_id}",
    auth=USER,
    permission=SESSIONS_WRITE,
    scope=Scope.TENANT,
    audit="session.revoke",
    answer=AcknowledgedOut,
    errors=(404,),
    summary="End a session",
)
def revoke_session(request: Request[SessionPath, NoQuery, NoBody], services: Machines) -> AcknowledgedOut:
    """Ends a session of the caller's user, at once and for good. A key without a user may end any of its tenant."""
    services.platform.identity.sessions.revoke(request.path.session_id, request.principal)
    return AcknowledgedOut()


def hold_mails_to(address: str, source: str, services: Machines) -> None:
    """Count a mail to an address that a caller from the IP address ``source`` asks for. Raises `EdgeError` (rate
    limited) for too many."""
    standing = services.platform.limits.of_mails(address, source)
    if standing.wait_seconds:
        raise rate_limited(standing.wait_seconds)


def client_of(incoming: Incoming, kind: str) -> Client:
    """The client that a session is started for."""
    return Client(ip=incoming.address, user_agent=(incoming.header("user-agent") or "")[:LONGEST_AGENT], kind=kind)


def show_started(started: StartedSession, dialect: Dialect) -> SessionStartedOut:
    """A new session, with its token."""
    session = started.session
    return SessionStartedOut(
        bearer=started.token.reveal(),
        session_id=session.id,
        expire_at=dialect.time(session.expires_at),
        verification_code_id=started.verification_id,
        ip=session.ip,
        user_agent=session.user_agent,
        kind=session.kind,
    )


def _item(session: Session, current_id: str, dialect: Dialect) -> SessionItem:
    return SessionItem(
        session_id=session.id,
        user_id=session.user_id,
        ip=session.ip,
        user_agent=session.user_agent,
        expire_at=dialect.time(session.expires_at),
        current=session.id == current_id,
        verified=session.verified,
        kind=session.kind,
        roles=ROLES,
    )
