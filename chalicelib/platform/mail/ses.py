"""Mails by Amazon SES, API version 2."""

from collections.abc import Callable
from typing import Any

from chalicelib.platform.mail.model import Mail, MailRefusedError

_FINAL = frozenset({"BadRequestException", "MessageRejected"})
"""The answers that a repeat cannot change (SES API v2 reference, SendEmail)."""


class NoSenderError(Exception):
    """There is no address that mails could come from."""

    def __init__(self) -> None:
        super().__init__("MAIL_FROM is not set: no mail can be sent")


class SesMailer:
    """Sends by the client of SES v2 that ``client`` gives, from ``sender``, an address or a domain that SES has
    verified."""

    def __init__(self, client: Callable[[], Any], sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, mail: Mail) -> None:
        """Raises `MailRefusedError`, `NoSenderError`, and passes on the other errors of the SDK."""
        if not self._sender:
            raise NoSenderError
        try:
            self._client().send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={"Simple": {"Subject": _text(mail.subject), "Body": {"Text": _text(mail.text)}}},
            )
        except Exception as error:
            # By the code of the answer: the SDK makes the classes of a client's errors with the client.
            code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            if code in _FINAL:
                raise MailRefusedError(code) from error
            raise


def _text(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
