"""Codes that prove an address: made with what they verify, mailed by a worker, and taken back once."""

from collections.abc import Callable

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.crypto import Sealer, associated_data, same
from chalicelib.kit.data_keys import UnsealError
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Level, Log
from chalicelib.kit.tables import Tables, TransactionFailedError, Update
from chalicelib.platform.access.store import verify_key
from chalicelib.platform.identity.model import Subject, Verification
from chalicelib.platform.identity.rules import (
    CODE_BYTES,
    CODE_LIVES,
    code_of,
    why_unusable,
    wrong_code,
)
from chalicelib.platform.identity.session_store import SessionStore, verify_session
from chalicelib.platform.identity.tokens import LIVES, token_mail
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.identity.verification_store import VERIFICATIONS, VerificationStore, use
from chalicelib.platform.mail.model import Mail, Mailer, MailRefusedError

_TEXT = """{reason}, enter this code within {minutes} minutes:

{code}

It was asked for at {at}. If that was not you, do nothing: without the code nothing happens.
"""

_REASONS = {Subject.SESSION: "To sign in", Subject.KEY: "To let a new key pair be used"}

_NO_CODE = "-" * 6
"""Compared in place of a code that was never mailed: no offered code equals it."""


class Verifications:
    """A code is sealed rather than hashed: a million guesses would find it by its hash, and the worker that mails it
    has to know it."""

    def __init__(
        self, tables: Tables, clock: Clock, ids: Ids, *, sealer: Sealer, mailer: Callable[[], Mailer], log: Log
    ) -> None:
        self._tables = tables
        self._store = VerificationStore(tables)
        self._sessions = SessionStore(tables)
        self._users = UserStore(tables)
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._mailer = mailer
        self._log = log

    def new(self, subject: Subject, subject_id: str, address: str | None) -> Verification:
        """A code that is not stored, for the transaction that stores what it verifies. Without an address it is never
        mailed, and never right."""
        now = self._clock.now()
        verification_id = self._ids.uuid7(now)
        code = code_of(self._ids.token_bytes(CODE_BYTES))
        return Verification(
            id=verification_id,
            subject=subject,
            subject_id=subject_id,
            address=address,
            inserted_at=to_seconds_text(now),
            expires_at=to_seconds_text(now + CODE_LIVES),
            code_sealed=self._sealer.seal(code, _associated(verification_id)),
        )

    def send(self, verification_id: str) -> None:
        """Mail the code, unless it was mailed, used, or has expired. A repeat after a crash sends the same mail."""
        now = self._clock.now()
        known = self._store.find(verification_id)
        is_over = known is None or known.expires_at <= to_seconds_text(now)
        if known is None or is_over or known.mailed_at or known.code_sealed is None or known.address is None:
            return
        code = self._sealer.open(known.code_sealed, _associated(known.id)).reveal()
        mail = self._token_mail(known, code) if known.subject in LIVES else _code_mail(known, known.address, code)
        try:
            self._mailer().send(mail)
        except MailRefusedError as error:
            self._log.line("mail_refused", level=Level.WARNING, mail_id=mail.id, reason=str(error))
        self._store.note_mailed(verification_id, now)

    def verify(self, verification_id: str, code: str, subject: Subject) -> None:
        """Have the session or key pair accepted that the code was mailed for. One write that counts the try, and one
        transaction if the code is right. Raises `EdgeError` (validation failed) for a code that is wrong or cannot be
        used, and for one of another kind of ``subject``."""
        now = self._clock.now()
        known, is_counted = self._store.count_try(verification_id, subject, now)
        if known is None or not is_counted:
            raise why_unusable(known, subject, now)
        if not same(code, self._right_code(known)):
            raise wrong_code(known.tries)
        subject_change = self._verified(known)
        if subject_change is None:
            raise why_unusable(None, subject, now)
        try:
            self._tables.commit([use(known.id, now), subject_change], f"{subject.value}.verified")
        except TransactionFailedError as error:
            current = self._store.find(known.id) if 0 in error.failed else None
            raise why_unusable(current, subject, now) from error

    def _token_mail(self, known: Verification, token: str) -> Mail:
        asks_for_user = known.subject is Subject.REGISTRATION and known.address is not None
        is_known = asks_for_user and self._users.id_of(known.address or "") is not None
        return token_mail(known, token, is_known=is_known)

    def _right_code(self, known: Verification) -> str:
        try:
            sealed = known.code_sealed or b""
            code = self._sealer.open(sealed, _associated(known.id)).reveal()
        except UnsealError:
            self._log.line("code_unreadable", level=Level.ERROR, verification_id=known.id)
            return _NO_CODE
        return code if known.address else _NO_CODE

    def _verified(self, known: Verification) -> Update | None:
        """The change of what the code verifies; None if that is gone."""
        now = self._clock.now()
        if known.subject is Subject.KEY:
            return verify_key(known.subject_id, now)
        session = self._sessions.find(known.subject_id)
        return None if session is None else verify_session(session.id, session.expires_at, now)


def _code_mail(known: Verification, address: str, code: str) -> Mail:
    reason, minutes = _REASONS[known.subject], int(CODE_LIVES.total_seconds() // 60)
    text = _TEXT.format(reason=reason, minutes=minutes, code=code, at=known.inserted_at)
    return Mail(known.id, address, "Your verification code", text, parse_time(known.inserted_at))


def _associated(verification_id: str) -> str:
    return associated_data(VERIFICATIONS, verification_id, "code")
