"""Users."""

from chalicelib.kit.errors import found
from chalicelib.machines.api.auth.models import ByEmailQuery, SessionStartedOut, UserFoundOut, UserRegistration
from chalicelib.machines.api.auth.protocol import REGISTRANT, USER, dialect_of
from chalicelib.machines.api.auth.sessions import client_of, hold_mails_to, show_started
from chalicelib.machines.permissions import USERS_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal, Scope
from chalicelib.platform.identity.model import NewUser
from chalicelib.platform.identity.rules import address_of, registration_is_off
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Users")


@routes.post(
    "/api/auth/v2/user",
    auth=REGISTRANT,
    repeats="an address is registered once; each call starts a session of its own",
    answer=SessionStartedOut,
    errors=(403,),
    summary="Register a user",
)
def register_user(request: Request[NoPath, NoQuery, UserRegistration], services: Machines) -> SessionStartedOut:
    """Makes a user with a tenant of its own, starts a session, and mails its code to the address. An address that a
    user has is answered alike: the session is that user's. Refused with 403 unless users register themselves here
    (`REGISTRATION`), or an admin's key of this installation asks."""
    if services.platform.settings.registration != "open" and not _is_operator(request.principal):
        raise registration_is_off()
    body = request.body
    email = address_of(body.email)
    hold_mails_to(email, request.address, services)
    wanted = NewUser(email=email, full_name=body.full_name, alias=body.alias)
    client = client_of(request.incoming, "standard")
    started = services.platform.identity.registration.register(wanted, client)
    return show_started(started, dialect_of(request.incoming))


@routes.get(
    "/api/auth/v2/user/by-email",
    auth=USER,
    permission=USERS_READ,
    scope=Scope.TENANT,
    answer=UserFoundOut,
    errors=(404,),
    summary="Find a user by address",
)
def get_user_by_email(request: Request[NoPath, ByEmailQuery, NoBody], services: Machines) -> UserFoundOut:
    """Returns the id of the user with an address: one of the caller's tenant, or, for the operator of this
    installation, any."""
    email = address_of(request.query.email)
    return UserFoundOut(user_id=found(services.platform.identity.user_id_of(email, request.principal)))


def _is_operator(principal: Principal) -> bool:
    return principal.tenant == DEFAULT_TENANT and principal.role is KeyRole.ADMIN and not principal.restrictions
