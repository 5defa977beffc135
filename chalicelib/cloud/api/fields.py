"""Bases and fields that the models of the cloud's API share."""

from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from chalicelib.cloud.accounts.rules import LONGEST
from chalicelib.kit.fields import about
from chalicelib.web.validation import Body, Int32, Query, Uuid

TENANT_ID = "01a1fd8c-93f8-75cc-97fc-d4160a8be5cc"
USER_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
KEY_ID = "01a1fd8d-01f0-8c0e-b2a8-6b1f0e9a7c44"
INVITATION_ID = "01a1fd8c-9bc8-7a11-9c07-2a3b8f0c55d1"
TIME = "2026-11-21T10:00:02Z"
EMAIL = "ada@example.com"
TOKEN = "7f3a0c5be1d94e62a8c1f0b7d2e4936815cafe0d9b8a7c6f5e4d3c2b1a09f8e7"  # noqa: S105 - for the document
PASSWORD = "Tr1cky-Horse-Staple"  # noqa: S105 - for the document

MOST_CHARACTERS = 255


class Sent(Body):
    """The base of bodies: as in the published API, unknown fields are ignored, and an empty text or null is absent."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None and value != ""}


class Shown(BaseModel):
    """The base of answers."""

    model_config = ConfigDict(frozen=True)


MOST_ON_A_PAGE = 1_000
"""Things of a list that is asked for without a page."""

PageSize = Annotated[Int32, Ge(1), Le(MOST_ON_A_PAGE), about("Things on a page, at most.", 100)]


class PageQuery(Query):
    """A page of a list."""

    page_size: PageSize = MOST_ON_A_PAGE
    next_token: Annotated[
        Uuid | None, about("Token of the next page: `meta.next_token` of the page before.", USER_ID)
    ] = None

    @property
    def after(self) -> str:
        """The id behind which the page begins; "" for the first."""
        return self.next_token or ""


Email = Annotated[str, MinLen(3), MaxLen(MOST_CHARACTERS), about("Mail address, in any letter case.", EMAIL)]
Password = Annotated[
    SecretStr, MinLen(1), MaxLen(LONGEST), about("Password of the user, 8 to 72 characters.", PASSWORD)
]
MailedToken = Annotated[SecretStr, MinLen(1), MaxLen(MOST_CHARACTERS), about("Token from the mail.", TOKEN)]
RoleName = Annotated[
    str, MinLen(1), MaxLen(64), about("Role in the tenant: owner, admin, developer, member or viewer.", "developer")
]


MountPath = Annotated[
    str, MinLen(1), MaxLen(255), about("Absolute path at which its user mounts it; nobody else does.", "/data")
]


class MessageOut(Shown):
    """A sentence for people about a request that was carried out."""

    message: Annotated[str, about("Outcome of the request in words.", "done")]
