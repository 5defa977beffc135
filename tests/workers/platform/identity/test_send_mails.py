"""The worker that mails codes: late, twice, and after a crash between any two lines."""

import pytest

from chalicelib.platform.mail.model import MailRefusedError
from chalicelib.platform.mail.queues import MAILS
from tests.support.declared import handler_of
from tests.support.fakes.dynamo import Crash
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import ADDRESS
from tests.support.world import sqs_record

HANDLER = handler_of("send_mails")


@pytest.fixture
def scene():
    return MachinesScene()


def asked(scene):
    """The message that asks for the mail of a new session."""
    scene.request("register_user")
    scene.world.relay_only()
    (body,) = scene.world.queue_client.take(MAILS)
    return body


def work(scene, body, times=1):
    for _ in range(times):
        answer = scene.world.call(HANDLER, {"Records": [sqs_record(body)]})
    return answer["batchItemFailures"]


def test_message_names_a_row_and_holds_neither_code_nor_address(scene):
    body = asked(scene)
    assert body.keys() == {"kind", "id"}


def test_message_twice_is_one_mail(scene):
    assert work(scene, asked(scene), times=2) == []
    assert [mail.to for mail in scene.world.mailer.sent] == [ADDRESS]


def test_mail_of_deliveries_made_twice_is_sent_once(scene):
    scene.request("register_user")
    scene.world.settle(twice=True)
    assert len(scene.world.mailer.sent) == 1


def test_mail_whose_answer_was_lost_is_sent_again_as_it_was(scene):
    body = asked(scene)
    scene.world.mailer.lost_answers = 1
    assert work(scene, body) != []
    assert work(scene, body, times=2) == []
    first, second = scene.world.mailer.sent
    assert first == second


def test_crash_after_the_mail_was_noted_sends_no_second_one(scene):
    body = asked(scene)
    scene.world.driver.crash_after(1)
    with pytest.raises(Crash):
        work(scene, body)
    assert work(scene, body) == []
    assert len(scene.world.mailer.sent) == 1


def test_mail_that_is_not_taken_is_tried_again(scene):
    body = asked(scene)
    scene.world.mailer.errors = [ConnectionError("no route")]
    assert work(scene, body) != []
    assert work(scene, body) == []
    assert len(scene.world.mailer.sent) == 1


def test_refused_mail_is_logged_without_its_address_and_not_repeated(scene):
    body = asked(scene)
    scene.world.mailer.errors = [MailRefusedError("MessageRejected")]
    assert work(scene, body, times=2) == []
    assert scene.world.mailer.sent == []
    (line,) = [line for line in scene.world.lines.texts if "mail_refused" in line]
    assert ADDRESS not in line


def test_late_message_mails_no_code_that_has_expired(scene):
    body = asked(scene)
    scene.world.clock.advance(600)
    assert work(scene, body) == []
    assert scene.world.mailer.sent == []


def test_message_of_a_row_that_is_gone_asks_for_nothing(scene):
    assert work(scene, {"kind": "verification", "id": "01a1fd8c-9bc8-7a11-9c07-2a3b8f0c55d1"}) == []


def test_message_of_another_kind_is_left_for_the_dead_letters(scene):
    assert work(scene, {"kind": "invitation", "id": "1"}) != []


def test_codes_stay_readable_after_a_change_of_the_data_key(scene):
    platform = scene.world.platform
    body = asked(scene)
    scene.world.platform.sealer.keys.rotate()
    (row,) = scene.world.driver.snapshot()["verifications"]
    platform.resealing.reseal("verifications", [row["id"]])
    (session,) = scene.world.driver.snapshot()["sessions"]
    assert platform.resealing.reseal("sessions", [session["id"]]) == 1
    assert work(scene, body) == []
    assert scene.world.mailer.code_for(ADDRESS)
