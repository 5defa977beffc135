"""Paths of clients that are not served: 404 in the form of the API's errors."""

import uuid

import pytest

from tests.support.operations.machines import MachinesScene

NOT_SERVED = [
    ("GET", "/api/auth/v2/email"),
    ("GET", "/api/auth/v2/emails"),
    ("PUT", "/api/auth/v2/email/verification"),
    ("PUT", "/api/auth/v2/email/preferred"),
    ("POST", "/api/auth/v2/verify"),
    ("GET", "/api/auth/v2/verify/status"),
    ("POST", "/api/auth/v2/partners/user"),
    ("PUT", "/api/auth/v2/admin/sessions/1/verify"),
    ("GET", "/api/auth/v1/session"),
]


@pytest.mark.parametrize(("method", "path"), NOT_SERVED)
def test_path_that_is_not_served_is_not_found_in_the_form_of_the_api(method, path):
    scene = MachinesScene()
    answer = scene.any(method, path)
    assert answer.status == 404
    assert answer.headers["x-error"] == answer.error["message"]
    assert answer.headers["x-error-id"] == answer.error["error_id"] == str(uuid.UUID(answer.error["error_id"]))
    assert (answer.error["type"], answer.error["code"]) == ("WARNING", "not_found")


def test_other_method_of_a_path_tells_those_that_there_are():
    answer = MachinesScene().any("PUT", "/api/auth/v2/sessions")
    assert (answer.status, answer.headers["allow"]) == (404, "GET, HEAD, OPTIONS")
