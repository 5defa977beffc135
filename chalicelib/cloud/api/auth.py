"""Registration, login, passwords, and the caller's own user."""

from chalicelib.cloud.accounts import rules
from chalicelib.cloud.accounts.model import NewUser
from chalicelib.cloud.api.auth_models import (
    AddressSent,
    Credentials,
    LoginOut,
    PasswordReset,
    RegisteredOut,
    RegistrationProof,
    UserOut,
    UserRegistration,
    shown_registration,
    shown_user,
)
from chalicelib.cloud.api.credentials import ANYONE, SELF
from chalicelib.cloud.api.fields import MessageOut
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.errors import found
from chalicelib.platform.identity.rules import address_of
from chalicelib.web.endpoint import Accepted, Created, Endpoints, NoContent, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Users")

_ASKED = "If this address can be registered, a mail with a token is on its way: confirm it by POST /auth/verify"
_FORGOTTEN = "If there is a user with this address, a mail with a token is on its way"


@routes.post(
    "/auth/register",
    auth=ANYONE,
    repeats="an address is registered once, and a further mail replaces nothing",
    audit="user.register",
    answer=RegisteredOut,
    status=201,
    errors=(202, 403, 409),
    summary="Register",
)
def register(request: Request[NoPath, NoQuery, UserRegistration], services: Cloud) -> Created | Accepted:
    """Registers a user. The holder of an invitation for this address becomes one at once (201), with a place in the
    tenant that invites; 409 tells only such a caller that the address belongs to a user already. Where the setting
    REGISTRATION is `open`, anyone else is answered 202, known or not, and gets a mail with a token, but no password is
    kept: it comes with the token. Otherwise 403."""
    body, mode = request.body, services.platform.settings.registration
    if mode == "closed":
        raise rules.registration_closed()
    email = address_of(body.email)
    rules.check_password(body.password.get_secret_value())
    services.login.hold("register", request.address, email)
    wanted = NewUser(email=email, name=body.name.strip(), password=body.password)
    if token := body.invitation_token and body.invitation_token.get_secret_value():
        return Created(shown_registration(services.registration.accept(wanted, token)))
    if mode != "open":
        raise rules.invitation_needed()
    if not services.platform.limits.of_mails(email, request.address).wait_seconds:
        services.registration.ask(email, wanted.name)
    return Accepted(RegisteredOut(message=_ASKED))


@routes.post(
    "/auth/verify",
    auth=ANYONE,
    repeats="a token can be used once",
    audit="user.register",
    answer=UserOut,
    errors=(409,),
    summary="Confirm a registration",
)
def verify_registration(request: Request[NoPath, NoQuery, RegistrationProof], services: Cloud) -> UserOut:
    """Takes the token that was mailed for a registration: the user is there from now on, with a tenant of its own, and
    with this password. So the reader of the mail chooses it, not the sender of the registration."""
    body = request.body
    rules.check_password(body.password.get_secret_value())
    return shown_user(services.registration.verify(body.token.get_secret_value(), body.password))


@routes.post(
    "/auth/login",
    auth=ANYONE,
    repeats="each login makes a key of its own",
    audit="user.login",
    answer=LoginOut,
    errors=(401,),
    summary="Log in",
)
def log_in(request: Request[NoPath, NoQuery, Credentials], services: Cloud) -> LoginOut:
    """Makes a new key, `Default Key`, for the user with this address and password. One error, 401, for an unknown
    address and a wrong password. After five failures an account takes a try from an address that it does not know every
    few seconds only (429); keys go on working."""
    email = address_of(request.body.email)
    services.login.hold("login", request.address, email)
    done = services.login.log_in(email, request.body.password, request.address)
    return LoginOut(user=shown_user(done.placed), api_key=done.shown.text.reveal())


@routes.post(
    "/auth/forgot-password",
    auth=ANYONE,
    repeats="a further mail replaces nothing",
    answer=MessageOut,
    summary="Ask for a new password",
)
def forget_password(request: Request[NoPath, NoQuery, AddressSent], services: Cloud) -> MessageOut:
    """Mails a token to the address, with which a new password can be set within an hour. The answer is the same for an
    address that no user has."""
    email = address_of(request.body.email)
    services.login.hold("forgot", request.address, email)
    services.login.forget(email, request.address)
    return MessageOut(message=_FORGOTTEN)


@routes.post(
    "/auth/reset-password",
    auth=ANYONE,
    repeats="a token can be used once",
    audit="user.reset_password",
    answer=MessageOut,
    summary="Set a new password",
)
def reset_password(request: Request[NoPath, NoQuery, PasswordReset], services: Cloud) -> MessageOut:
    """Takes the token that was mailed, and sets the password. Keys go on working, unless `revoke_keys` ends them all:
    then there is none until the next login."""
    body = request.body
    token = body.token.get_secret_value()
    services.login.reset(token, body.new_password, request.address, revoke_keys=body.revoke_keys)
    return MessageOut(message="The new password is set")


@routes.get(
    "/auth/me",
    auth=SELF,
    answer=UserOut,
    errors=(404,),
    summary="Get the own user",
)
def get_own_user(request: Request[NoPath, NoQuery, NoBody], _services: Cloud) -> UserOut:
    """Returns the caller's user; 404 for a key that has none."""
    return shown_user(found(request.caller))


@routes.delete(
    "/auth/me",
    auth=SELF,
    audit="user.delete",
    status=204,
    errors=(404, 409),
    summary="Delete the own user",
)
def delete_own_user(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> NoContent:
    """Deletes the caller's user, its places, and the tenants that it owns alone. Its keys are refused by the next
    request. Its ids stay, which logs and bills name. 409 for the owner of a tenant that has other members, or
    things, and for a user with more tenants than can be left at once."""
    services.leaving.leave(request.principal)
    return NoContent()
