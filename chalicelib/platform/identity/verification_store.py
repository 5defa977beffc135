"""Rows of codes: keys and attribute names."""

from datetime import datetime

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    ConditionFailedError,
    Equals,
    Exists,
    Item,
    Key,
    Less,
    LessOrEqual,
    Not,
    Put,
    Remove,
    Set,
    Table,
    Tables,
    Update,
    put_new,
)
from chalicelib.platform.access.model import CREATED as KEY_CREATED
from chalicelib.platform.identity.model import Subject, Verification
from chalicelib.platform.identity.rules import KEPT, MOST_TRIES

SESSION_STARTED = "session.started"
USER_REGISTERED = "user.registered"
TOKEN_ASKED = "token.asked"  # noqa: S105 - the name of an operation
INVITED = "tenant.invited"

VERIFICATIONS = Table(
    "verifications",
    partition="id",
    stream=True,
    # The operations that make codes: each mail follows from the new row of its code.
    relayed=frozenset({SESSION_STARTED, USER_REGISTERED, KEY_CREATED, TOKEN_ASKED, INVITED}),
    unparked=frozenset({"address"}),
    expires_at="expires_epoch",
)


class VerificationStore:
    """Codes on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, verification_id: str) -> Verification | None:
        """The code, by a consistent read."""
        row = self._tables.get(VERIFICATIONS, _key(verification_id))
        return None if row is None else _verification(row)

    def count_try(self, verification_id: str, subject: Subject, now: datetime) -> tuple[Verification | None, bool]:
        """Count a try before anything is compared, so that tries at once are never more than allowed. Returns the code
        as it is now, None if there is none, and whether the try counts: False for a code that cannot be used."""
        is_open = And(
            Exists("id"),
            Equals("subject", subject.value),
            Absent("used_at"),
            Less("tries", MOST_TRIES),
            Not(LessOrEqual("expires_at", to_seconds_text(now))),
        )
        update = Update(VERIFICATIONS, _key(verification_id), (Add("tries", 1),), is_open)
        try:
            row = self._tables.write(update, "verification.tried")
        except ConditionFailedError as error:
            return None if error.current is None else _verification(error.current), False
        return _verification(row or {}), True

    def note_mailed(self, verification_id: str, now: datetime) -> None:
        """Write down that the mail has been handed over, or never will be."""
        change = Set("mailed_at", to_seconds_text(now))
        update = Update(VERIFICATIONS, _key(verification_id), (change,), And(Exists("id"), Absent("mailed_at")))
        self._tables.try_write(update, "verification.mailed")


def put_verification(verification: Verification) -> Put:
    """A new code."""
    sealed: Item = {"code_sealed": verification.code_sealed, "detail_sealed": verification.detail_sealed}
    item: Item = {**verification.model_dump(exclude={*sealed}), **sealed}
    expires_epoch = int((parse_time(verification.expires_at) + KEPT).timestamp())
    return put_new(VERIFICATIONS, {**item, "subject": verification.subject.value, "expires_epoch": expires_epoch})


def use(verification_id: str, now: datetime) -> Update:
    """The code is used, and no longer kept; fails if it was."""
    changes = (Set("used_at", to_seconds_text(now)), Remove("code_sealed"), Remove("detail_sealed"))
    return Update(VERIFICATIONS, _key(verification_id), changes, And(Exists("id"), Absent("used_at")))


def _verification(row: Item) -> Verification:
    return Verification.model_validate(row)


def _key(verification_id: str) -> Key:
    return {"id": verification_id}
