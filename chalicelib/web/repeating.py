"""A request with an ``Idempotency-Key``: its answer is kept in the transaction of its effect, and a repeat is answered
from there. Where an API's clients repeat requests without a key, one that was not answered is known by what it asks
for."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from chalicelib.kit.tables import Attachment, AttachmentRefusedError, Put, attaching
from chalicelib.platform.idempotency import model
from chalicelib.platform.idempotency.rules import HEADER, check_key, digest_of, record_id
from chalicelib.platform.idempotency.service import Idempotency
from chalicelib.web.audience import Exchange
from chalicelib.web.exchange import Outgoing
from chalicelib.web.results import Answer
from chalicelib.web.validation import Path, Query

T = TypeVar("T")
A = TypeVar("A", bound=Answer)

Render = Callable[[Answer], Outgoing]

REPLAYED = {"idempotency-replayed": "true"}
"""The header of an answer that is given again."""


class Repeatable:
    """One request with a key. ``render`` makes the answer that is sent of what a view answers."""

    def __init__(self, asked: model.Asked, records: Idempotency, render: Render) -> None:
        self._asked = asked
        self._records = records
        self._render = render
        self.outgoing: Outgoing | None = None
        """The answer that was kept."""

    def answered(self) -> Outgoing | None:
        """The answer that this request was given before; None if it has not been carried out. Raises `EdgeError`
        (conflict) if the key belongs to another request."""
        kept = self._records.find(self._asked)
        return None if kept is None else Outgoing(kept.status, kept.body, {**kept.headers, **REPLAYED})

    def once(self, work: Callable[[], T], show: Callable[[T], A]) -> A:
        """Do the work, and keep the answer with its effect; see `Request.once`. Raises `AttachmentRefusedError` if
        another call with the key was faster: then nothing has been done."""
        shown: list[A] = []

        def write_of(result: object) -> Put:
            shown.append(show(cast("T", result)))
            outgoing = self.outgoing = self._render(shown[-1])
            return self._records.write_of(
                self._asked, model.Answer(outgoing.status, {**outgoing.headers}, outgoing.body)
            )

        attachment = Attachment(write_of)
        with attaching(attachment):
            result = work()
        # If there was nothing to do, the answer is kept all the same: later there might be something.
        if not attachment.is_written and not self._records.add(write_of(result)):
            raise AttachmentRefusedError
        return shown[-1]

    @property
    def is_unnamed(self) -> bool:
        """Whether it has no key."""
        return bool(self._asked.unnamed_seconds)

    def end(self) -> None:
        """The request is being answered."""
        if self.is_unnamed:
            self._records.forget(self._asked)


def repeatable_of(
    exchange: Exchange, asked_for: tuple[Path, Query, Any], render: Render, unnamed_seconds: int
) -> Repeatable | None:
    """The request by its key, or, where ``unnamed_seconds`` say so and it creates something, by what it asks for; None
    for any other, and for operations that take no key. ``asked_for`` are its path, its query, and its body as JSON: a
    parsed one masks secrets. Raises `EdgeError` (bad request) for an invalid key."""
    endpoint, values = exchange.endpoint, exchange.incoming.headers.get(HEADER)
    has_name = values is not None or (unnamed_seconds and endpoint.is_creation)
    if not endpoint.takes_idempotency_key or not has_name:
        return None
    path, query, body = asked_for
    operation = f"{endpoint.method} {endpoint.route}"
    principal = exchange.principal
    # A user may work in another tenant when the repeat comes: then it is refused, and not done once more there.
    always_in, now_in = ("", principal.tenant) if principal.user else (principal.tenant, "")
    digest = digest_of(operation, path.model_dump(mode="json"), query.model_dump(mode="json"), body, now_in)
    holder = (principal.kind, always_in, principal.id)
    if values is None:
        asked = model.Asked(exchange.edge.idempotency.unnamed_id(holder, digest), digest, unnamed_seconds)
    else:
        asked = model.Asked(record_id(holder, check_key(values)), digest)
    return Repeatable(asked, exchange.edge.idempotency, render)
