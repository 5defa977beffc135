"""Mails as files, and by SES."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from chalicelib.platform.mail.files import FileMailer
from chalicelib.platform.mail.model import Mail, MailRefusedError
from chalicelib.platform.mail.ses import NoSenderError, SesMailer

MAIL = Mail(
    "01a1fd8c-9bc8-7a11-9c07-2a3b8f0c55d1",
    "ada@example.com",
    "Your verification code",
    "To sign in:\n\n402917\n\nÜbrigens.\n",
    datetime(2026, 11, 21, 10, 0, 2, 250000, tzinfo=UTC),
)


class Ses:
    """A client of SES that answers as it is told."""

    def __init__(self, code=None):
        self.sent = []
        self._code = code

    def send_email(self, **request):
        if self._code is not None:
            error = ConnectionError(self._code)
            error.response = {"Error": {"Code": self._code}}
            raise error
        self.sent.append(request)


def test_mail_is_one_rfc_5322_file_named_by_time_and_address(tmp_path):
    FileMailer(tmp_path / "mail", "edge@example.com").send(MAIL)
    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == "20261121T100002.250000Z-ada@example.com.eml"
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (message["From"], message["To"], message["Subject"]) == (
        "edge@example.com",
        "ada@example.com",
        "Your verification code",
    )
    assert message["Date"].datetime == MAIL.written_at.replace(microsecond=0)
    assert message["Message-ID"] == f"<{MAIL.id}@example.com>"
    assert message.get_content() == MAIL.text
    assert "402917" in message.get_content().splitlines()


def test_same_mail_again_is_the_same_file(tmp_path):
    for _ in range(2):
        FileMailer(tmp_path, "edge@example.com").send(MAIL)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("address", ["../../etc/passwd@example.com", "a/b@example.com", "a\\b@example.com"])
def test_address_leads_to_no_other_folder(tmp_path, address):
    mail = Mail(MAIL.id, address, MAIL.subject, MAIL.text, MAIL.written_at)
    FileMailer(tmp_path / "mail", "edge@example.com").send(mail)
    assert len(list((tmp_path / "mail").iterdir())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


def test_ses_is_asked_to_send_plain_text():
    ses = Ses()
    SesMailer(lambda: ses, "edge@example.com").send(MAIL)
    (request,) = ses.sent
    assert request["FromEmailAddress"] == "edge@example.com"
    assert request["Destination"] == {"ToAddresses": ["ada@example.com"]}
    assert request["Content"]["Simple"]["Body"]["Text"] == {"Data": MAIL.text, "Charset": "UTF-8"}


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_refusal_of_ses_is_for_good(code):
    with pytest.raises(MailRefusedError):
        SesMailer(lambda: Ses(code), "edge@example.com").send(MAIL)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "SendingPausedException", "LimitExceededException"])
def test_other_errors_of_ses_are_passed_on_for_a_repeat(code):
    with pytest.raises(ConnectionError):
        SesMailer(lambda: Ses(code), "edge@example.com").send(MAIL)


def test_no_mail_is_sent_without_a_sender():
    with pytest.raises(NoSenderError, match="MAIL_FROM"):
        SesMailer(lambda: Ses(), "").send(MAIL)  # noqa: PLW0108 - as the wiring gives it


def test_mail_hides_its_text_in_its_repr():
    assert "402917" not in repr(MAIL)
