"""The auth API's operations, in a `MachinesScene`."""

from typing import Any

from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.identity.model import Client
from tests.support.operations.table import Options

ADDRESS = "ada@example.com"

BODIES: dict[str, Any] = {
    "start_session": {"email": ADDRESS},
    "register_user": {"email": ADDRESS, "fullName": "Ada Lovelace", "alias": "ada"},
    "create_key_pair": {"name": "build server", "days": 90},
    "verify_session": {"verificationCodeID": "01a1fd8c-9bc8-7a11-9c07-2a3b8f0c55d1", "code": "402917"},
    "verify_key_pair": {"verificationCodeID": "01a1fd8c-9bc8-7a11-9c07-2a3b8f0c55d1", "code": "402917"},
}

VARIABLES = {
    "session_id": "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee",
    "key_id": "01a1fd8d-01f0-7c0e-b2a8-6b1f0e9a7c44",
}
"""Names of nothing, until an operation is prepared."""


def registered(scene: Any, address: str = ADDRESS) -> Any:
    """The answer to the registration of a user, by the operator, with everything that follows from it."""
    body = {"email": address, "fullName": "Ada Lovelace", "alias": "ada"}
    answer = scene.request("register_user", json=body)
    assert answer.status == 200, answer.text
    scene.world.settle()
    return answer


def verified(scene: Any, started: Any, address: str = ADDRESS, view: str = "verify_session") -> str:
    """The token of a session that was started, or the secret of a key pair, once its code has come back."""
    body = {"verificationCodeID": started.json["verificationCodeID"], "code": scene.world.mailer.code_for(address)}
    answer = scene.request(view, key=None, json=body)
    assert answer.status == 200, answer.text
    return str(started.json["bearer" if view == "verify_session" else "apiSecret"])


def a_session(scene: Any, address: str = ADDRESS) -> str:
    """The token of a verified session of a user, who is registered with it."""
    return verified(scene, registered(scene, address), address)


def _as_user(scene: Any) -> Options:
    return {"key": a_session(scene)}


def _with_a_code(view: str) -> Any:
    def prepare(scene: Any) -> Options:
        started = registered(scene)
        if view == "verify_key_pair":
            started = scene.request("create_key_pair", key=verified(scene, started))
            scene.world.settle()
        code = scene.world.mailer.code_for(ADDRESS)
        body = {"verificationCodeID": started.json["verificationCodeID"], "code": code}
        return {"key": None, "json": body}

    return prepare


def _a_known_user(scene: Any) -> Options:
    registered(scene)
    return {"query": {"email": ADDRESS}}


def _a_session_of_the_operators(scene: Any) -> Options:
    """A session of a user of the operator's tenant."""
    registered(scene)
    sessions = scene.world.platform.identity.sessions
    user = sessions.find_user(ADDRESS).model_copy(update={"tenant": DEFAULT_TENANT})
    started = sessions.start_of(user, Client(ip="203.0.113.7", user_agent="", kind="standard"))
    scene.variables["session_id"] = started.session.id
    scene.world.settle()
    return {}


def _a_key_pair(scene: Any) -> Options:
    scene.variables["key_id"] = scene.request("create_key_pair").json["keyID"]
    scene.world.settle()
    return {}


def _as_it_is(_: Any) -> Options:
    return {}


def _as_key(scene: Any) -> Options:
    return {"key": scene.world.key_with(role=KeyRole.VIEWER)}


PREPARED = {
    "start_session": _as_it_is,
    "verify_session": _with_a_code("verify_session"),
    "extend_session": _as_user,
    "get_session": _as_user,
    "list_sessions": _as_it_is,
    "revoke_session": _a_session_of_the_operators,
    "create_key_pair": _as_it_is,
    "verify_key_pair": _with_a_code("verify_key_pair"),
    "get_key_pair": _as_key,
    "list_key_pairs": _as_it_is,
    "revoke_key_pair": _a_key_pair,
    "register_user": _as_it_is,
    "get_user_by_email": _a_known_user,
    "show_auth_document": _as_it_is,
}
