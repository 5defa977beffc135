import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib.kit.crypto import Secret
from chalicelib.kit.signing import hex_signature, signing_keys, standard_headers

SECRET = Secret("a-cryptographically-random-32-byte-secret")
OLD = Secret("the-secret-that-was-in-use-until-just-now")
BODY = '{"id":"e-1","data":"ü"}'.encode()


def test_hex_signature_is_the_hmac_of_the_body():
    # RFC 4231, test case 2, has the key "Jefe".
    vector = hex_signature(Secret("Jefe"), b"what do ya want for nothing?")
    assert vector == "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    expected = hmac.new(SECRET.reveal().encode(), BODY, hashlib.sha256).hexdigest()
    assert hex_signature(SECRET, BODY) == f"sha256={expected}"


def test_standard_webhooks_library_accepts_our_headers():
    headers = standard_headers("msg-1", datetime.now(UTC), BODY, [SECRET])
    assert Webhook(SECRET.reveal().encode()).verify(BODY, headers) == {"id": "e-1", "data": "ü"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD.reveal().encode()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.reveal().encode()).verify(BODY + b" ", headers)


def test_standard_signature_is_the_hmac_of_id_time_and_body():
    at = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
    headers = standard_headers("msg-1", at, BODY, [SECRET])
    signed = b"msg-1.%d.%s" % (int(at.timestamp()), BODY)
    expected = base64.b64encode(hmac.new(SECRET.reveal().encode(), signed, hashlib.sha256).digest()).decode()
    assert headers == {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,{expected}",
    }


def test_signature_timestamp_does_not_depend_on_the_time_zone():
    at = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=5)))
    assert standard_headers("m", elsewhere, BODY, [SECRET]) == standard_headers("m", at, BODY, [SECRET])


def test_two_secrets_make_two_signatures_that_each_verify():
    headers = standard_headers("msg-1", datetime.now(UTC), BODY, [SECRET, OLD])
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OLD):
        assert Webhook(secret.reveal().encode()).verify(BODY, headers)["id"] == "e-1"


def test_whsec_secret_is_decoded_as_standard_webhooks_libraries_do():
    key = bytes(range(32))
    text = "whsec_" + base64.b64encode(key).decode()
    assert signing_keys(Secret(text)) == (key,)
    headers = standard_headers("msg-1", datetime.now(UTC), BODY, [Secret(text)])
    assert Webhook(text).verify(BODY, headers)["id"] == "e-1"
    assert hex_signature(Secret(text), BODY) == f"sha256={hmac.new(text.encode(), BODY, hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize("text", ["whsec_not base64 at all, but long enough", "whsec_" + "A" * 28])
def test_malformed_whsec_secret_is_used_as_plain_text(text):
    """None is taken any more; those that were still sign as they did."""
    assert signing_keys(Secret(text)) == (text.encode(),)


@pytest.mark.parametrize("text", ["0123456789012345678901234567890123456789", "c2VjcmV0" * 5, "ABCD" * 8])
def test_plain_secret_in_base64_verifies_in_each_form_a_library_accepts(text):
    headers = standard_headers("msg-1", datetime.now(UTC), BODY, [Secret(text)])
    for key in (text, text.encode(), base64.b64encode(text.encode()).decode()):
        assert Webhook(key).verify(BODY, headers)["id"] == "e-1"


@pytest.mark.parametrize("text", ["a-secret-with-dashes-is-no-base64-at-all!", "ü" * 16, "====" * 8, "A" * 33])
def test_plain_secret_outside_base64_has_one_key(text):
    assert signing_keys(Secret(text)) == (text.encode(),)
