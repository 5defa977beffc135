"""Tokens for the credentials of service accounts (RFC 6749 section 4.4)."""

import base64
import binascii
import json
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from chalicelib.cloud.api.credentials import ANYONE
from chalicelib.cloud.api.fields import Shown
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.errors import bad_request
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import Bare, Endpoints, Request
from chalicelib.web.exchange import Incoming
from chalicelib.web.rendering import to_json
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Service accounts")

GRANT = "client_credentials"
LONGEST_BODY = 4_096
LONGEST = 255

_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ0aGVjbG91ZCJ9.c2lnbmF0dXJl"  # noqa: S105 - for the document


class TokenFields(Shown):
    """A token of a service account."""

    access_token: Annotated[str, about("Token to send as `Authorization: Bearer`.", _TOKEN)]
    token_type: Annotated[Literal["Bearer"], about("Always `Bearer`.", "Bearer")] = "Bearer"  # noqa: S105 - a word of RFC 6749
    expires_in: Annotated[int, about("Seconds until the token ends.", 3600)]


class TokenOut(TokenFields):
    """A token of a service account, as RFC 6749 has it, and once more as other answers of this API."""

    data: Annotated[TokenFields, about("The same fields once more.")]


@routes.post(
    "/oauth2/token",
    auth=ANYONE,
    audit="service_account.prove",
    repeats="each token is one of its own, and ends by itself",
    answer=TokenOut,
    enveloped=False,
    errors=(401,),
    summary="Get a token",
)
def issue_token(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> Bare:
    """Answers a token for the credentials of a service account, which the account may use for an hour, while it is
    enabled and has the secret. The body is a form (or JSON) with `grant_type` (`client_credentials`), `client_id` and
    `client_secret`; the latter two may also come as `Authorization: Basic`. The audit log has wrong ones, at most one a
    second for an account."""
    client_id, secret = _credentials(request.incoming)
    issued = services.account_tokens.issue(client_id, secret)
    fields = TokenFields(access_token=issued.text.reveal(), expires_in=issued.seconds)
    answer = TokenOut(**fields.model_dump(), data=fields)
    return Bare(to_json(answer.model_dump()), headers={"cache-control": "no-store"})


def _credentials(incoming: Incoming) -> tuple[str, str]:
    """The id and the secret of a client. Raises `EdgeError` (bad request)."""
    sent = _fields(incoming)
    if sent.get("grant_type") != GRANT:
        raise bad_request({"grant_type": [f"has to be {GRANT}"]})
    basic = _basic(incoming.header("authorization"))
    client_id, secret = basic or (sent.get("client_id", ""), sent.get("client_secret", ""))
    for name, value in (("client_id", client_id), ("client_secret", secret)):
        if not value or len(value) > LONGEST:
            raise bad_request({name: [f"has to have 1 to {LONGEST} characters"]})
    return client_id, secret


def _fields(incoming: Incoming) -> dict[str, str]:
    raw = incoming.body_bytes()
    if len(raw) > LONGEST_BODY:
        raise bad_request({"": [f"is larger than {LONGEST_BODY} bytes"]})
    try:
        text = raw.decode()
        if not text.lstrip().startswith("{"):
            return dict(parse_qsl(text))
        sent = json.loads(text)
    except ValueError:
        raise bad_request({"": ["is neither a form nor JSON"]}) from None
    return {name: value for name, value in sent.items() if isinstance(value, str)}


def _basic(header: str | None) -> tuple[str, str] | None:
    """The credentials of a header ``Authorization: Basic``; None for none of this form."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, separator, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (client_id, secret) if separator else None
