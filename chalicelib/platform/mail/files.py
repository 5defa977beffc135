"""Mails as files: what a local cloud does in place of sending them."""

import re
from email.message import EmailMessage
from pathlib import Path

from chalicelib.platform.mail.model import Mail

_UNSAFE = re.compile(r"[^A-Za-z0-9@._+-]")


class FileMailer:
    """Writes one RFC 5322 file a mail, ``{time}-{address}.eml``, into a folder that it makes. The same mail is the
    same file: a repeat changes nothing."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        written = self._folder / f".{mail.id}"
        written.write_bytes(_message(mail, self._sender))
        written.replace(self._folder / file_name(mail))  # a reader never sees half a mail


def file_name(mail: Mail) -> str:
    """The name of a mail's file. Two mails to one address differ in their microseconds."""
    time = mail.written_at.strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{time}-{_UNSAFE.sub('_', mail.to)}.eml"


def _message(mail: Mail, sender: str) -> bytes:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Date"] = mail.written_at
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Subject"] = mail.subject
    message.set_content(mail.text)
    return message.as_bytes()
