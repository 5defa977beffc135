"""Texts of the command line as values."""

from datetime import UTC, datetime, timedelta

import pytest
from edgectl.errors import CliError
from edgectl.values import moment_of, pairs_of, public_keys_of, seconds_of, secret_of

from tests.support.ssh_keys import ed25519_key

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("7d", 604_800)]
)
def test_span_is_read_in_its_units(text, seconds):
    assert seconds_of(text, "--timeout") == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "5 m", "1w", "-5m", "5m3"])
def test_span_of_another_form_is_refused_with_an_example(text):
    with pytest.raises(CliError, match="as 30s or 1h30m"):
        seconds_of(text, "--timeout")


@pytest.mark.parametrize(
    ("text", "back", "moment"),
    [
        ("12h", False, "2026-11-21T22:00:00Z"),
        ("12h", True, "2026-11-20T22:00:00Z"),
        ("2026-12-01T00:00:00+02:00", False, "2026-11-30T22:00:00Z"),
    ],
)
def test_moment_is_a_time_or_a_span_from_now(text, back, moment):
    assert moment_of(text, "--expires", NOW, back=back) == moment


def test_span_from_now_is_never_shorter_than_it_says():
    late = NOW + timedelta(milliseconds=900)

    assert moment_of("1s", "--at", late) == "2026-11-21T10:00:02Z"
    assert moment_of("1s", "--at", NOW) == "2026-11-21T10:00:01Z"


def test_private_key_is_refused(tmp_path):
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")

    with pytest.raises(CliError, match="this is a private key"):
        public_keys_of([str(tmp_path / "id")], "--key-file")


def test_public_key_is_named_by_its_comment(tmp_path):
    (tmp_path / "id.pub").write_text(ed25519_key(1) + " ada@laptop\n")

    (key,) = public_keys_of([str(tmp_path / "id.pub")], "--key-file")
    assert key["key_name"]
    assert key["public_key"].startswith("ssh-ed25519 ")


def test_secret_is_the_first_line_of_its_file(tmp_path):
    (tmp_path / "secret").write_text("one\ntwo\n")

    assert secret_of(str(tmp_path / "secret"), "--secret-file") == "one"


@pytest.mark.parametrize("file", ["empty", "missing"])
def test_secret_of_an_unreadable_file_is_refused(tmp_path, file):
    (tmp_path / "empty").touch()

    with pytest.raises(CliError, match=file):
        secret_of(str(tmp_path / file), "--secret-file")


def test_pair_without_a_sign_is_refused():
    with pytest.raises(CliError, match="expected name=value"):
        pairs_of(["a=b", "c"], "--header")
