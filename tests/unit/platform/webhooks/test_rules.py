import base64

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.rules import check_new, check_secret

CATALOGUE = ("edge.node.registered", "edge.node.reregistered")


def details_of(**fields):
    given = {"url": "https://a.example/", "secret": "s" * 32, "subscribed_events": CATALOGUE[:1], **fields}
    try:
        check_new(NewWebhook(**given), CATALOGUE)
    except EdgeError as error:
        return error.details
    return None


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({}, None),
        ({"secret": "s" * 31}, {"secret": ["must be at least 32 bytes"]}),
        ({"secret": "ü" * 129}, {"secret": ["must be at most 256 bytes"]}),
        ({"secret": "ü" * 128}, None),
        ({"headers": {f"x-{n}": "v" for n in range(21)}}, {"headers": ["must have at most 20 entries"]}),
        ({"headers": {"x" * 257: "v"}}, {"headers": ["each header name must be at most 256 characters"]}),
        ({"headers": {"x": "v" * 4097}}, {"headers": ["each header value must be at most 4096 characters"]}),
        (
            {"subscribed_events": ("edge.node.registered", "a", "b", "a")},
            {"subscribed_events": ["unknown event type(s): a, b — see /asyncdoc for the catalog"]},
        ),
        (
            {"subscribed_events": ("edge.node.*",)},
            {"subscribed_events": ["unknown event type(s): edge.node.* — see /asyncdoc for the catalog"]},
        ),
    ],
)
def test_webhook_fields_that_break_a_rule_are_reported(fields, details):
    assert details_of(**fields) == details


def whsec(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(size))).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secret_of_standard_webhooks_is_accepted(size):
    check_secret(whsec(size))


@pytest.mark.parametrize(
    "secret",
    [
        whsec(23),
        whsec(65),
        whsec(32).rstrip("="),
        whsec(32) + "\n",
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "whsec_0123456789-0123456789-0123456789",
        "whsec_" + "ü" * 32,
    ],
)
def test_secret_that_standard_webhooks_cannot_decode_is_refused(secret):
    text = "must have the base64 of 24 to 64 bytes after whsec_, as Standard Webhooks has it"
    assert details_of(secret=secret) == {"secret": [text]}
    with pytest.raises(EdgeError):
        check_secret(secret)


@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "user-agent",
        "HOST",
        "content-length",
        "X-Edge-Signature",
        "webhook-id",
        "Webhook-Signature",
        "webhook-anything",
        "Transfer-Encoding",
        "connection",
        "proxy-authorization",
    ],
)
def test_header_set_by_deliveries_is_reserved(name):
    assert details_of(headers={name: "x"}) == {"headers": [f"header {name} is reserved and cannot be set"]}


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ü", "a\x00"])
def test_invalid_header_name_is_refused(name):
    assert details_of(headers={name: "x"}) == {"headers": [f"{name!r} is not a valid header name"]}


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "\x00", "ü", "\x7f"])
def test_header_value_with_control_characters_is_refused(value):
    text = "the value of header x-token may only hold visible ASCII, spaces and tabs"
    assert details_of(headers={"x-token": value}) == {"headers": [text]}


def test_header_name_repeated_in_another_case_is_refused():
    assert details_of(headers={"X-A": "1", "x-a": "2"}) == {"headers": ["header x-a is given twice"]}


def test_short_new_secret_is_refused_by_the_same_rule():
    with pytest.raises(EdgeError) as caught:
        check_secret("short")
    assert caught.value.kind is Kind.VALIDATION_FAILED
    assert caught.value.details == {"secret": ["must be at least 32 bytes"]}
