import pytest

from chalicelib.kit.errors import (
    BLANK,
    EdgeError,
    Kind,
    at_most_bytes,
    at_most_characters,
    bad_request,
    forbidden,
    found,
    invalid,
    not_found,
    rate_limited,
    taken,
    unauthorized,
    unavailable,
)


@pytest.mark.parametrize(
    ("error", "code", "message", "details"),
    [
        (not_found(), "not_found", "Resource not found", None),
        (forbidden(), "forbidden", "Forbidden", None),
        (unauthorized(), "unauthorized", "Unauthorized", None),
        (unavailable(), "service_unavailable", "Service Unavailable", None),
        (rate_limited(7), "rate_limited", "Too Many Requests", None),
        (bad_request(), "bad_request", "Bad Request", None),
        (bad_request({"page": ["no"]}), "bad_request", "Invalid request parameters", {"page": ["no"]}),
        (invalid("name", "no"), "validation_failed", "Validation failed", {"name": ["no"]}),
        (invalid("name", BLANK), "validation_failed", "Validation failed", {"name": ["can't be blank"]}),
        (taken("key_name"), "conflict", "key_name has already been taken", None),
    ],
    ids=lambda value: value.code if isinstance(value, EdgeError) else "",
)
def test_error_carries_the_published_code_and_message(error, code, message, details):
    assert (error.code, error.message, error.details) == (code, message, details)


def test_found_refuses_only_a_missing_row():
    assert found(0) == 0
    with pytest.raises(EdgeError) as caught:
        found(None)
    assert caught.value.kind is Kind.NOT_FOUND


def test_texts_about_size_name_limit_and_unit():
    assert at_most_bytes(4096) == "should be at most 4096 byte(s)"
    assert at_most_characters(63) == "should be at most 63 character(s)"
