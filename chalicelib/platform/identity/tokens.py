"""Tokens that are sent by mail, can be used once, and prove that their holder reads an address."""

from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.crypto import Sealer, associated_data
from chalicelib.kit.errors import EdgeError, invalid
from chalicelib.kit.ids import Ids, digest_uuid
from chalicelib.kit.tables import Tables
from chalicelib.platform.identity.model import Subject, Verification
from chalicelib.platform.identity.verification_store import VERIFICATIONS, VerificationStore
from chalicelib.platform.mail.model import Mail

TOKEN_BYTES = 32

LIVES = {
    Subject.REGISTRATION: timedelta(days=1),
    Subject.PASSWORD: timedelta(hours=1),
    Subject.INVITATION: timedelta(days=7),
}
"""How long a token of each kind is good."""

_TEXTS = {
    Subject.REGISTRATION: (
        "Confirm your registration",
        "To become a user, confirm it with this token, and a password that you choose now, until {until}:",
        "If you did not want to register, do nothing: without the token there will be no user.",
    ),
    Subject.PASSWORD: (
        "Set a new password",
        "To set a new password, send it with this token until {until}:",
        "If that was not you, do nothing: without the token your password stays as it is.",
    ),
    Subject.INVITATION: (
        "You are invited",
        "To accept, use this token until {until}, as the user with this address, or when you register:",
        "If you do not know the sender, do nothing.",
    ),
}

_KNOWN = """Somebody, perhaps you, wants to register with this address at {at}. It belongs to a user already.

If you have forgotten your password, ask for another one. Otherwise do nothing.
"""


@dataclass(frozen=True)
class Token:
    """A token as it was found. ``detail`` is what was kept with it, "" for nothing."""

    verification: Verification
    detail: str = field(repr=False)


class Tokens:
    """A token is sealed in its row, whose id follows from the token: a reader of the table can use none, and one read
    finds it."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, sealer: Sealer) -> None:
        self._store = VerificationStore(tables)
        self._clock = clock
        self._ids = ids
        self._sealer = sealer

    def new(self, subject: Subject, subject_id: str, address: str | None, detail: str = "") -> Verification:
        """A token that is not stored, for the transaction that asks for it. Without an address it is never mailed."""
        now = self._clock.now()
        token = self._ids.token_bytes(TOKEN_BYTES).hex()
        token_id = digest_uuid(token)
        return Verification(
            id=token_id,
            subject=subject,
            subject_id=subject_id,
            address=address,
            inserted_at=to_seconds_text(now),
            expires_at=to_seconds_text(now + LIVES[subject]),
            code_sealed=self._sealer.seal(token, _associated(token_id, "code")),
            detail_sealed=self._sealer.seal(detail, _associated(token_id, "detail")),
        )

    def find(self, token: str, subject: Subject) -> Token:
        """The token, if it can be used for this. Raises `EdgeError` (validation failed): one error for all that is
        wrong with it. Its user writes `verification_store.use` in its transaction."""
        known = self._store.find(digest_uuid(token))
        is_good = known is not None and known.subject is subject and known.address and known.used_at is None
        if known is None or not is_good or known.expires_at <= to_seconds_text(self._clock.now()):
            raise unusable_token()
        detail = known.detail_sealed
        opened = self._sealer.open(detail, _associated(known.id, "detail")).reveal() if detail else ""
        return Token(known, opened)


def unusable_token() -> EdgeError:
    """The error for a token that is unknown, was used, or has expired."""
    return invalid("token", "is unknown, was used, or has expired: ask for another")


def token_mail(verification: Verification, token: str, *, is_known: bool) -> Mail:
    """The mail with a token. ``is_known``: the address belongs to a user, who needs none to register."""
    subject, before, after = _TEXTS[verification.subject]
    text = f"{before.format(until=verification.expires_at)}\n\n{token}\n\n{after}\n"
    if verification.subject is Subject.REGISTRATION and is_known:
        subject, text = "You are registered already", _KNOWN.format(at=verification.inserted_at)
    at = parse_time(verification.inserted_at)
    return Mail(verification.id, verification.address or "", subject, text, at)


def _associated(token_id: str, name: str) -> str:
    return associated_data(VERIFICATIONS, token_id, name)
