"""The models of the auth API."""

from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, RootModel, StringConstraints
from pydantic.alias_generators import to_camel

from chalicelib.kit.fields import about
from chalicelib.platform.identity.rules import CODE_DIGITS
from chalicelib.web.validation import Body, Path, Query, Uuid

_SESSION_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
_CODE_ID = "01a1fd8c-9bc8-7a11-9c07-2a3b8f0c55d1"
_USER_ID = "01a1fd8c-93f8-75cc-97fc-d4160a8be5cc"
_KEY_ID = "01a1fd8d-01f0-7c0e-b2a8-6b1f0e9a7c44"
_SECRET = "Zm9yIGRvY3VtZW50YXRpb24gb25seSwgbm8gc2VjcmV0IQ"[:43]
_EMAIL = "ada@example.com"
_EXPIRES = 1795341602
LONGEST_NAME = 255
LONGEST_KIND = 32
MOST_DAYS = 3650


def wire_name(name: str) -> str:
    """The name of a field on the wire: ``session_id`` is ``sessionID``."""
    camel = to_camel(name)
    return f"{camel[:-2]}ID" if name.endswith("_id") else camel


class Shown(BaseModel):
    """The base of answers."""

    model_config = ConfigDict(alias_generator=wire_name, populate_by_name=True, frozen=True)


class Sent(Body):
    """The base of bodies."""

    model_config = ConfigDict(alias_generator=wire_name)


Kind = Annotated[
    str,
    MinLen(1),
    MaxLen(LONGEST_KIND),
    StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$"),
    about("Kind of client that the session is for, as its maker names it.", "standard"),
]
Email = Annotated[str, MinLen(3), MaxLen(320), about("Mail address, in any letter case.", _EMAIL)]
Expiry = Annotated[
    int | str,
    about("End, in seconds since 1970; for the Go client a time in RFC 3339.", _EXPIRES),
]
Name = Annotated[str, MinLen(1), MaxLen(LONGEST_NAME)]


class SessionPath(Path):
    session_id: Annotated[Uuid, about("Id of the session to end.", _SESSION_ID)]


class KeyPairPath(Path):
    key_id: Annotated[Uuid, about("Id of the key pair to revoke.", _KEY_ID)]


class ByEmailQuery(Query):
    email: Email


class SessionStart(Sent):
    """A session, as it is asked for."""

    email: Email
    kind: Kind = "standard"


class UserRegistration(Sent):
    """A user, as it registers itself."""

    email: Email
    full_name: Annotated[Name, about("Name of the person.", "Ada Lovelace")]
    alias: Annotated[Name, about("Short name, shown to others.", "ada")]


class CodeSent(Sent):
    """A code that was mailed, with the id of what it belongs to."""

    verification_code_id: Annotated[Uuid, about("Id from the answer that announced the code.", _CODE_ID)]
    code: Annotated[
        str,
        StringConstraints(pattern=rf"^[0-9]{{{CODE_DIGITS}}}$"),
        about("The six digits of the mail.", "402917"),
    ]


class KeyPairCreate(Sent):
    """A key pair, as it is asked for."""

    name: Annotated[Name, about("Name for people.", "build server")]
    days: Annotated[int, Ge(1), Le(MOST_DAYS), about("Days that it is good for.", 90)]


class AcknowledgedOut(Shown):
    """The request was carried out."""

    message: Annotated[Literal["acknowledged"], about("Always the same.", "acknowledged")] = "acknowledged"


class SessionStartedOut(Shown):
    """A new session. Its token is good once the code has come back that was mailed."""

    bearer: Annotated[str, about("Token of the session, shown this once.", f"session_{_SESSION_ID}_{_SECRET}")]
    session_id: Annotated[str, about("UUID, by which it is listed and ended.", _SESSION_ID)]
    expire_at: Expiry
    verification_code_id: Annotated[str, about("Id to send back with the code.", _CODE_ID)]
    ip: Annotated[str, about("Address that asked for it.", "203.0.113.7")]
    user_agent: Annotated[str, about("Client that asked for it.", "threatwinds-js-sdk/1.0.0")]
    kind: Kind


Roles = Annotated[tuple[str, ...], about("Roles within the tenant.", ["operator"])]
Groups = Annotated[tuple[str, ...], about("Always empty.", [])]


class SessionOut(Shown):
    """The session that asks."""

    session_id: Annotated[str, about("UUID of the session whose token was sent.", _SESSION_ID)]
    user_id: Annotated[str, about("UUID of the user who is signed in.", _USER_ID)]
    alias: Annotated[str, about("Short name of the user who is signed in.", "ada")]
    full_name: Annotated[str, about("Name of the person who is signed in.", "Ada Lovelace")]
    expire_at: Expiry
    ip: Annotated[str, about("Address that started it.", "203.0.113.7")]
    user_agent: Annotated[str, about("Client that started it.", "threatwinds-js-sdk/1.0.0")]
    verified: Annotated[bool, about("Whether its code has come back.", True)]
    kind: Kind
    roles: Roles
    groups: Groups


class SessionItem(Shown):
    """A session of a list."""

    session_id: Annotated[str, about("UUID, by which it is ended.", _SESSION_ID)]
    user_id: Annotated[str, about("UUID of the user whom it belongs to.", _USER_ID)]
    ip: Annotated[str, about("Address that started it.", "203.0.113.7")]
    user_agent: Annotated[str, about("Client that started it.", "threatwinds-js-sdk/1.0.0")]
    expire_at: Expiry
    current: Annotated[bool, about("Whether it is the one that asks.", True)]
    verified: Annotated[bool, about("Whether its code has come back.", True)]
    kind: Kind
    roles: Roles


class SessionListOut(Shown):
    """Sessions, the newest first."""

    sessions: Annotated[tuple[SessionItem, ...], about("All sessions that have not ended, verified or not.")]


class SessionsOut(RootModel[SessionListOut | tuple[SessionItem, ...]]):
    """Sessions, the newest first; for the Go client a bare list."""


class KeyPairOut(Shown):
    """A new key pair. With an id of a code, it is good once that code has come back."""

    api_key: Annotated[str, about("Half that is sent as `api-key`.", f"edge_{_KEY_ID}")]
    api_secret: Annotated[str, about("Half that is sent as `api-secret`, shown this once.", _SECRET)]
    key_id: Annotated[str, about("Id of the key pair.", _KEY_ID)]
    key_name: Annotated[str, about("Name, as it was sent.", "build server")]
    expire_at: Expiry
    verified: Annotated[bool, about("Whether it can be used.", False)]
    verification_code_id: Annotated[
        str | None, about("Id to send back with the code; null where no code is needed.", _CODE_ID)
    ]


class KeyPairItem(Shown):
    """A key pair of a list, under the names of all clients."""

    api_key: Annotated[str, about("Half that is sent as `api-key`.", f"edge_{_KEY_ID}")]
    key_id: Annotated[str, about("Id of the key pair.", _KEY_ID)]
    id: Annotated[str, about("The same as `keyID`.", _KEY_ID)]
    key_name: Annotated[str, about("Name that its maker gave it.", "build server")]
    name: Annotated[str, about("The same as `keyName`.", "build server")]
    expire_at: Annotated[Expiry | None, about("End, as for a new one; null for never.", _EXPIRES)]
    verified: Annotated[bool, about("Whether it can be used.", True)]


class KeyPairListOut(Shown):
    """Key pairs, the newest first."""

    keys: Annotated[tuple[KeyPairItem, ...], about("All key pairs that have not ended, verified or not.")]


class KeyPairsOut(RootModel[KeyPairListOut | tuple[KeyPairItem, ...]]):
    """Key pairs, the newest first; for the Go client a bare list."""


class KeyHolderOut(Shown):
    """The key that asks."""

    api_key: Annotated[str, about("Half that is sent as `api-key`.", f"edge_{_KEY_ID}")]
    key_id: Annotated[str, about("UUID of the key that was sent.", _KEY_ID)]
    key_name: Annotated[str, about("Name that its maker gave it.", "build server")]
    expire_at: Annotated[Expiry | None, about("End, as for a new one; null for never.", _EXPIRES)]
    verified: Annotated[bool, about("Always true: another key is refused.", True)]
    user_id: Annotated[str | None, about("UUID of the user whom it acts for; null for a key without one.", _USER_ID)]
    user_name: Annotated[str | None, about("Name of the person whom it acts for.", "Ada Lovelace")]
    user_alias: Annotated[str | None, about("Short name of the user whom it acts for.", "ada")]
    roles: Roles
    groups: Groups


class UserFoundOut(Shown):
    """A user, by its address."""

    user_id: Annotated[str, about("UUID of the user who has that address.", _USER_ID)]
