"""The sample webhook receiver as the demo and end-to-end tests start it."""

import pytest
import urllib3

from infra.local.receiver import SampleReceiver


def test_sample_receiver_runs_until_stopped_and_refuses_unsigned_events(tmp_path):
    with SampleReceiver(tmp_path) as receiver:
        answer = urllib3.request("POST", receiver.url, body=b'{"id":"forged"}', retries=False)
        assert answer.status == 401
        assert receiver.events() == []
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("POST", receiver.url, retries=False)


def test_secrets_file_of_the_receiver_is_private_to_its_owner(tmp_path):
    with SampleReceiver(tmp_path, ["new", "old"]):
        [file] = tmp_path.glob("*/secrets")
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("new\nold", 0o600)


def test_receiver_that_does_not_start_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="no secret"):
        SampleReceiver(tmp_path, [" "])
