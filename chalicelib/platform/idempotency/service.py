"""`Idempotency`: keeps the answers of requests with an ``Idempotency-Key``, and finds them again."""

import json
import zlib
from collections.abc import Sequence

from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import Sealer, associated_data
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Put, Tables
from chalicelib.platform.idempotency import rules, store
from chalicelib.platform.idempotency.model import Answer, Asked

MOST_KEPT_BYTES = 350 * 1024
"""Bytes of a compressed answer that is kept: a row may have 400 KB. Only a command of 128 KB that hardly compresses,
beside 2,000 such names, makes a larger one."""


class Idempotency:
    """Records of answered requests. The digest of the request is sealed too: a password in a body could be guessed from
    it. ``hasty`` are the same tables without repeats."""

    def __init__(self, tables: Tables, hasty: Tables, clock: Clock, sealer: Sealer, log: Log) -> None:
        self._tables = tables
        self._hasty = hasty
        self._log = log
        self._clock = clock
        self._sealer = sealer

    def unnamed_id(self, holder: Sequence[str], request_digest: str) -> str:
        """The id of the record of a request without a key, which no key can lead to. A reader of the table can test no
        guess of a body by it. A new data key of the stage makes other ids of the same requests."""
        return self._sealer.mark(json.dumps([[*holder], request_digest]))

    def find(self, asked: Asked) -> Answer | None:
        """The answer that was given to this request, None if it has not been carried out. One consistent read. Raises
        `EdgeError` (conflict) if the key was used for another request, or the answer was not kept."""
        sealed = store.find(self._tables, asked.record_id, self._clock.now())
        if sealed is None:
            return None
        kept = json.loads(zlib.decompress(self._sealer.open_bytes(sealed, _associated(asked))))
        if kept["digest"] != asked.digest:
            raise rules.reused()
        if kept["answer"] is None:
            raise rules.already_answered()
        return Answer(**kept["answer"])

    def write_of(self, asked: Asked, answer: Answer) -> Put:
        """The record of a request and its answer, for the transaction of its effect. It fails if there is one."""
        text = _compressed(asked, {"status": answer.status, "headers": {**answer.headers}, "body": answer.body})
        if len(text) > MOST_KEPT_BYTES:
            text = _compressed(asked, None)
        sealed = self._sealer.seal_bytes(text, _associated(asked))
        return store.put(asked.record_id, sealed, self._clock.now(), asked.unnamed_seconds)

    def forget(self, asked: Asked) -> None:
        """End the record of a request without a key, which is being answered: the same request is another one from now
        on. Never raises: then it ends by itself."""
        try:
            self._hasty.write(store.remove(asked.record_id), "idempotency.forgotten")
        except Exception as error:  # noqa: BLE001 - whatever it is, the request has been carried out
            self._log.failure("repeat_not_forgotten", error)

    def add(self, record: Put) -> bool:
        """Store the record of a request that had nothing to change; returns False if there is one already."""
        return self._tables.try_write(record, "idempotency.answered")


def _associated(asked: Asked) -> str:
    return associated_data(store.TABLE, asked.record_id, "answer")


def _compressed(asked: Asked, answer: object) -> bytes:
    return zlib.compress(json.dumps({"digest": asked.digest, "answer": answer}, ensure_ascii=False).encode())
