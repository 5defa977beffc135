"""Trouble with AWS, by a seed: throttling, errors of the service, answers that are lost after the work was done."""

import random
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

_BEFORE = (("ThrottlingException", 429), ("ServiceUnavailable", 503), ("InternalFailure", 500))
"""The errors of a call that was refused before it had an effect, after the SDK's own retries."""

CALLS = frozenset(
    {
        "send_message_batch",
        "get_queue_attributes",
        "put_events",
        "post_to_connection",
        "delete_connection",
        "generate",
        "unwrap",
    }
)
"""Calls of the SDK's clients; all else of a fake is for tests, and has no trouble."""


class Trouble:
    """The same seed makes the same trouble. ``share`` of all calls fail, two of three before anything was done.

    A call's trouble follows from its name, its connection or queue, and how often that was called: frames go out in
    threads, whose order no seed decides.
    """

    def __init__(self, seed: int, share: float = 0.25) -> None:
        self._seed = seed
        self._share = share
        self._calls: Counter[str] = Counter()
        self._lock = Lock()
        self.count = 0

    def between(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The call, with trouble."""

        def troubled(*args: Any, **options: Any) -> Any:
            rng = self._rng_of(f"{name} {options.get('ConnectionId', '')} {options.get('QueueUrl', '')}")
            if rng.random() >= self._share:
                return call(*args, **options)
            with self._lock:
                self.count += 1
            if rng.random() < 1 / 3:
                call(*args, **options)
                raise ReadTimeoutError(endpoint_url="https://aws.test")
            code, status = rng.choice(_BEFORE)
            about = {"Error": {"Code": code, "Message": "trouble"}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(about, name)  # type: ignore[arg-type]

        return troubled

    def _rng_of(self, call: str) -> random.Random:
        with self._lock:
            self._calls[call] += 1
            return random.Random(f"{self._seed} {call} {self._calls[call]}")


class Troubled:
    """A fake of one of the SDK's clients, in trouble."""

    def __init__(self, client: Any, trouble: Trouble) -> None:
        self.__dict__.update(_client=client, _trouble=trouble)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return self._trouble.between(value, name) if name in CALLS else value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._client, name, value)
