"""A mailer that keeps what it is given. ``errors`` are raised in place of the next mails; after so many mails as there
are ``lost_answers`` it raises as well."""

import re

from chalicelib.platform.mail.model import Mail

_TOKEN = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)
_CODE = re.compile(r"^[0-9]{6}$", re.MULTILINE)


class FakeMailer:
    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.errors: list[Exception] = []
        self.lost_answers = 0

    def send(self, mail: Mail) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(mail)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionError("no answer")

    def code_for(self, address: str) -> str:
        """The code of the newest mail to an address, which stands on a line of its own. Raises IndexError."""
        newest = [mail for mail in self.sent if mail.to == address][-1]
        (code,) = _CODE.findall(newest.text)
        return str(code)

    def token_for(self, address: str) -> str:
        """The token of the newest mail to an address, which stands on a line of its own. Raises IndexError."""
        newest = [mail for mail in self.sent if mail.to == address][-1]
        (token,) = _TOKEN.findall(newest.text)
        return str(token)
