"""Sessions: started, verified by a mailed code, extended, listed and ended."""

import pytest

from chalicelib.platform.identity.verification_store import VerificationStore
from chalicelib.platform.limits.service import MAILS_OF_ALL_PER_HOUR, MAILS_PER_HOUR
from tests.support.operations.machines import MachinesScene
from tests.support.operations.machines_auth import ADDRESS, a_session, registered, verified


@pytest.fixture
def scene():
    return MachinesScene()


def start(scene, address=ADDRESS, **body):
    answer = scene.request("start_session", key=None, json={"email": address, **body})
    assert answer.status == 200, answer.text
    scene.world.settle()
    return answer.json


def offer(scene, started, code, view="verify_session"):
    body = {"verificationCodeID": started["verificationCodeID"], "code": code}
    return scene.request(view, key=None, json=body)


def mailed(scene, address=ADDRESS):
    return scene.world.mailer.code_for(address)


def wrong_code_beside(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def usable(scene, token):
    return scene.request("get_session", key=token).status


def test_token_is_good_once_the_mailed_code_has_come_back(scene):
    started = registered(scene)
    answer = scene.request("get_session", key=started.json["bearer"])
    assert (answer.status, answer.error["code"]) == (401, "not_verified")
    assert "not verified yet" in answer.headers["x-error"]
    verified(scene, started)
    session = scene.request("get_session", key=started.json["bearer"]).json
    assert {name: session[name] for name in ("sessionID", "alias", "fullName", "verified", "kind", "roles")} == {
        "sessionID": started.json["sessionID"],
        "alias": "ada",
        "fullName": "Ada Lovelace",
        "verified": True,
        "kind": "standard",
        "roles": ["operator"],
    }


def test_session_works_at_the_other_apis_within_its_tenant(scene):
    token = a_session(scene)
    assert scene.request("list_templates", key=token).status == 200


def test_second_session_of_a_user_is_its_own(scene):
    registered(scene)
    started = start(scene, f" {ADDRESS.upper()} ", kind="cli")
    assert offer(scene, started, mailed(scene)).json == {"message": "acknowledged"}
    assert scene.request("get_session", key=started["bearer"]).json["kind"] == "cli"


def test_unknown_address_is_answered_alike_and_gets_no_mail(scene):
    registered(scene)
    sent = len(scene.world.mailer.sent)
    calls = []
    answers = []
    for address in (ADDRESS, "nobody@example.com"):
        answers.append(start_without_settling(scene, address))
        calls.append([(call.operation, call.table) for call in scene.world.driver.meter.calls])
    assert calls[0] == calls[1]
    assert answers[0].keys() == answers[1].keys()
    scene.world.settle()
    assert [mail.to for mail in scene.world.mailer.sent[sent:]] == [ADDRESS]


def start_without_settling(scene, address):
    return scene.request("start_session", key=None, json={"email": address}).json


def test_code_of_an_unknown_address_is_refused_as_that_of_a_known_one(scene):
    registered(scene)
    told = []
    for address in (ADDRESS, "nobody@example.com"):
        started = start(scene, address)
        wrong = wrong_code_beside(mailed(scene))
        answers = [offer(scene, started, wrong) for _ in range(6)]
        told.append([(answer.status, answer.error["message"], answer.error["param"]) for answer in answers])
        token = scene.request("get_session", key=started["bearer"])
        told[-1].append((token.status, token.error["code"]))
    assert told[0] == told[1]


def test_no_code_verifies_the_session_of_an_unknown_address(scene):
    started = start(scene, "nobody@example.com")
    row = VerificationStore(scene.world.platform.tables).find(started["verificationCodeID"])
    code = scene.world.platform.sealer.open(row.code_sealed, f"verifications/{row.id}/code").reveal()
    answer = offer(scene, started, code)
    assert (answer.status, answer.error["param"]) == (400, "code")
    assert usable(scene, started["bearer"]) == 401


def test_five_wrong_codes_end_a_code_for_good(scene):
    started = registered(scene).json
    code = mailed(scene)
    answers = [offer(scene, started, wrong_code_beside(code)) for _ in range(5)]
    assert [answer.status for answer in answers] == [400] * 5
    assert "4 tries are left" in answers[0].error["message"]
    last = offer(scene, started, code)
    assert (last.status, last.error["param"]) == (400, "verificationCodeID")
    assert "has been tried 5 times" in last.error["message"]
    assert usable(scene, started["bearer"]) == 401


def test_tries_at_once_are_never_more_than_five(scene):
    started = registered(scene).json
    code = mailed(scene)
    scene.world.driver.latency(0.01)
    codes = [wrong_code_beside(code)] * 20
    answers = scene.world.clock.run_together([lambda code=code: offer(scene, started, code) for code in codes])
    assert sum("is wrong" in answer.error["message"] for answer in answers) == 5


def test_right_code_counts_once_of_callers_at_once(scene):
    started = registered(scene).json
    code = mailed(scene)
    scene.world.driver.latency(0.01)
    answers = scene.world.clock.run_together([lambda: offer(scene, started, code) for _ in range(4)])
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]


def test_code_is_used_once(scene):
    started = registered(scene).json
    code = mailed(scene)
    assert offer(scene, started, code).status == 200
    again = offer(scene, started, code)
    assert (again.status, "was used at" in again.error["message"]) == (400, True)
    assert usable(scene, started["bearer"]) == 200


def test_code_expires_after_ten_minutes(scene):
    started = registered(scene).json
    scene.world.clock.advance(600)
    answer = offer(scene, started, mailed(scene))
    assert (answer.status, "expired at" in answer.error["message"]) == (400, True)


def test_code_belongs_to_its_own_session(scene):
    first = registered(scene).json
    code_of_first = mailed(scene)
    second = start(scene)
    assert offer(scene, second, code_of_first).status == 400
    assert usable(scene, second["bearer"]) == 401
    assert offer(scene, first, code_of_first).status == 200


def test_code_of_a_session_verifies_no_key_pair(scene):
    started = registered(scene).json
    answer = offer(scene, started, mailed(scene), "verify_key_pair")
    assert (answer.status, answer.error["param"]) == (400, "verificationCodeID")
    assert offer(scene, started, mailed(scene)).status == 200


def test_unknown_code_id_is_refused(scene):
    answer = scene.request("verify_session", key=None)
    assert (answer.status, answer.error["param"]) == (400, "verificationCodeID")


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", "", 123456])
def test_code_of_another_form_is_refused_and_counts_no_try(scene, code):
    started = registered(scene).json
    for _ in range(6):
        assert offer(scene, started, code).status == 400
    assert offer(scene, started, mailed(scene)).status == 200


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "a\n@b.cc"])
def test_address_of_another_form_is_refused(scene, email):
    answer = scene.request("start_session", key=None, json={"email": email})
    assert (answer.status, answer.error["param"]) == (400, "email")


def test_mails_to_an_address_are_limited_known_or_not(scene):
    registered(scene)
    for address, left in ((ADDRESS, MAILS_PER_HOUR - 1), ("nobody@example.com", MAILS_PER_HOUR)):
        answers = [scene.request("start_session", key=None, json={"email": address}) for _ in range(left + 1)]
        assert [answer.status for answer in answers] == [200] * left + [429]
        assert int(answers[-1].headers["retry-after"]) == 3600 / MAILS_PER_HOUR
    scene.world.settle()
    assert len(scene.world.mailer.sent) == MAILS_PER_HOUR
    scene.world.clock.advance(3600 / MAILS_PER_HOUR)
    assert scene.request("start_session", key=None, json={"email": ADDRESS}).status == 200


def test_session_ends_at_its_time_and_extending_moves_it(scene):
    token = a_session(scene)
    scene.world.clock.advance(86_000)
    before = scene.request("get_session", key=token).json["expireAt"]
    assert scene.request("extend_session", key=token).json == {"message": "acknowledged"}
    assert scene.request("get_session", key=token).json["expireAt"] == before + 86_000
    scene.world.clock.advance(86_399)
    assert usable(scene, token) == 200
    scene.world.clock.advance(1)
    assert usable(scene, token) == 401
    assert scene.request("extend_session", key=token).status == 401


def test_sessions_of_the_user_are_listed_newest_first_with_the_current_one(scene):
    token = a_session(scene)
    scene.world.clock.advance(1)
    other = start(scene)
    listed = scene.request("list_sessions", key=token).json["sessions"]
    assert [(one["sessionID"], one["current"], one["verified"]) for one in listed] == [
        (other["sessionID"], False, False),
        (scene.request("get_session", key=token).json["sessionID"], True, True),
    ]


def test_sessions_of_another_user_are_neither_listed_nor_ended(scene):
    mine, theirs = a_session(scene), a_session(scene, "bob@example.com")
    their_id = scene.request("get_session", key=theirs).json["sessionID"]
    assert len(scene.request("list_sessions", key=mine).json["sessions"]) == 1
    answer = scene.request("revoke_session", key=mine, variables={"session_id": their_id})
    unknown = scene.request("revoke_session", key=mine)
    assert (answer.status, unknown.status) == (404, 404)
    assert answer.error["message"] == unknown.error["message"]
    assert usable(scene, theirs) == 200


def test_session_of_another_tenant_is_not_found_by_an_operators_key(scene):
    theirs = a_session(scene)
    their_id = scene.request("get_session", key=theirs).json["sessionID"]
    assert scene.request("revoke_session", variables={"session_id": their_id}).status == 404


def test_ended_session_is_refused_from_the_next_request_on(scene):
    token, other = a_session(scene), start(scene)
    verified_code = mailed(scene)
    assert offer(scene, other, verified_code).status == 200
    for _ in range(2):
        ended = scene.request("revoke_session", key=token, variables={"session_id": other["sessionID"]})
        assert (ended.status, ended.json) == (200, {"message": "acknowledged"})
    assert usable(scene, other["bearer"]) == 401
    assert len(scene.request("list_sessions", key=token).json["sessions"]) == 1


def test_session_that_was_ended_before_its_code_came_back_stays_ended(scene):
    token, other = a_session(scene), start(scene)
    scene.request("revoke_session", key=token, variables={"session_id": other["sessionID"]})
    assert offer(scene, other, mailed(scene)).status == 400
    assert usable(scene, other["bearer"]) == 401


def test_session_of_a_user_cannot_do_what_belongs_to_the_installation(scene):
    facts = scene.world.platform.identities.identify(a_session(scene), (), "203.0.113.7", sessions=True)
    assert (facts.kind, facts.tenant != "default", facts.owner) == ("session", True, facts.user)
    assert facts.actor == f"session:{facts.id}"


@pytest.mark.parametrize("view", ["get_session", "extend_session"])
def test_key_is_refused_where_a_session_is_meant(scene, view):
    answer = scene.request(view)
    assert (answer.status, answer.error["code"]) == (401, "session_needed")


def test_code_and_token_are_in_no_row_log_or_message(scene):
    started = registered(scene)
    code = mailed(scene)
    token = verified(scene, started)
    assert offer(scene, started.json, code).status == 400
    everything = repr((scene.world.driver.snapshot(), scene.world.queue_client.sent, scene.world.lines.texts))
    assert code not in everything
    assert token not in everything
    assert token.rpartition("_")[2] not in everything


def test_mails_that_a_stranger_asks_for_keep_the_user_from_nothing(scene):
    registered(scene)
    stranger, user = "192.0.2.9", "198.51.100.7"
    asked = [scene.request("start_session", key=None, json={"email": ADDRESS}, address=stranger) for _ in range(15)]
    assert [answer.status for answer in asked] == [200] * MAILS_PER_HOUR + [429] * (15 - MAILS_PER_HOUR)
    neighbour = scene.request("start_session", key=None, json={"email": ADDRESS}, address="192.0.2.200")
    assert neighbour.status == 429
    assert scene.request("start_session", key=None, json={"email": ADDRESS}, address=user).status == 200


def test_mails_of_many_networks_to_an_address_are_limited(scene):
    body = {"email": "nobody@example.com"}
    sources = [f"198.51.{number}.7" for number in range(MAILS_OF_ALL_PER_HOUR + 1)]
    answers = [scene.request("start_session", key=None, json=body, address=source).status for source in sources]
    assert answers == [200] * MAILS_OF_ALL_PER_HOUR + [429]
