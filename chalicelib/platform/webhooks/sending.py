"""Sends the signed request of one attempt, and returns its outcome."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.kit.clock import Clock, milliseconds_between, to_seconds_text
from chalicelib.kit.outbound import Answer, NoAnswerError, Outbound, UrlRefusedError
from chalicelib.kit.signing import hex_signature, standard_headers
from chalicelib.platform.webhooks.attempts import parse_retry_after
from chalicelib.platform.webhooks.forms import CLOUD_EVENTS, FORMS
from chalicelib.platform.webhooks.model import Attempt, Delivery, Outcome, SigningKeys, Webhook
from chalicelib.platform.webhooks.vault import Vault, redacted

USER_AGENT = "edge-admin-webhooks/1"

RESPONSE_LENGTH = 1024
"""Characters of an answer that the log keeps."""


def _cannot_sign(_body: bytes) -> str:
    raise LookupError("this process has no key to sign with")


class Sender:
    """Posts one event to one webhook, signed, in a single attempt. Failures are outcomes, not exceptions."""

    def __init__(
        self, outbound: Outbound, vault: Vault, clock: Clock, sign: Callable[[bytes], str] = _cannot_sign
    ) -> None:
        """``sign`` makes the signature of a body that anyone can verify, as base64."""
        self._outbound = outbound
        self._vault = vault
        self._clock = clock
        self._sign = sign

    def attempt(self, webhook: Webhook, delivery: Delivery) -> Outcome:
        """Post the event. Raises `UnsealError` where the webhook's secrets cannot be read."""
        started = self._clock.now()
        keys = self._vault.keys_of(webhook, started)
        body, form = delivery.body, FORMS[webhook.form]
        headers = headers_of(delivery.event_id, body, keys, started, content_type=form.content_type)
        if form.signature_header:
            headers[form.signature_header] = self._sign(body)
        try:
            answer = self._outbound.send("POST", webhook.url, headers, body)
        except UrlRefusedError as error:
            return Outcome(attempt=self._failed(started, str(error)), is_refused=True)
        except NoAnswerError as error:
            return Outcome(attempt=self._failed(started, error.reason.value))
        return self._answered(started, answer, keys)

    def _failed(self, started: datetime, error: str) -> Attempt:
        return Attempt(at=to_seconds_text(started), milliseconds=self._milliseconds_since(started), error=error)

    def _answered(self, started: datetime, answer: Answer, keys: SigningKeys) -> Outcome:
        text = redacted(answer.body.decode(errors="replace"), keys)[:RESPONSE_LENGTH]
        attempt = Attempt(
            at=to_seconds_text(started),
            milliseconds=self._milliseconds_since(started),
            status=answer.status,
            response=text,
        )
        retry_after = parse_retry_after(answer.headers.get("retry-after"), self._clock.now())
        return Outcome(attempt=attempt, retry_after_seconds=retry_after)

    def _milliseconds_since(self, started: datetime) -> int:
        return round(milliseconds_between(started, self._clock.now()))


def headers_of(
    event_id: str,
    body: bytes,
    keys: SigningKeys,
    now: datetime,
    *,
    content_type: str = FORMS[CLOUD_EVENTS].content_type,
) -> dict[str, str]:
    """The operator's headers, and ours, which they cannot replace.

    While a secret is being rotated `webhook-signature` has one signature of each; the contract's `x-edge-signature` has
    room for one, which is that of the new secret.
    """
    return {
        **keys.headers,
        "content-type": content_type,
        "user-agent": USER_AGENT,
        "x-edge-signature": hex_signature(keys.secrets[0], body),
        **standard_headers(event_id, now, body, keys.secrets),
    }
