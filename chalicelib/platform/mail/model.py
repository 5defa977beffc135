"""A mail, and the port that sends one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Mail:
    """A mail of plain text. ``id`` is the same whenever this mail is sent, ``written_at`` its date; the ``text`` may
    hold a secret."""

    id: str
    to: str
    subject: str
    text: str = field(repr=False)
    written_at: datetime


class MailRefusedError(Exception):
    """The mail will never be sent as it is: its address is not one, or wants no mail."""


class Mailer(Protocol):
    """Sends mails."""

    def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises `MailRefusedError`; any other error may end with a repeat, which may send the mail
        twice."""
        ...
