"""Errors of the SDK as values: an answer with a code, or no answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError


class CallRefusedError(Exception):
    """A service answered with an error. ``code`` is the service's, ``status`` that of HTTP. Its message is left out: it
    may name things of the account."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class CallUnansweredError(Exception):
    """There was no answer: the call may have had its effect."""


@contextmanager
def calling() -> Iterator[None]:
    """Turns errors of the SDK into those of this module. Raises `CallRefusedError`, `CallUnansweredError`."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        raise CallRefusedError(code, status) from None
    except BotoCoreError as error:
        raise CallUnansweredError(type(error).__name__) from None
