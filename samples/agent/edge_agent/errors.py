class FatalError(Exception):
    """The agent cannot go on and repeating would not help: it stops with exit status 2 and this message."""


class NetworkError(Exception):
    """No usable answer came: not reachable, cut off, or what answered was not the server."""


class UnavailableError(Exception):
    """The server could not serve the call now; the same call may be repeated later.

    `retry_after_seconds` is what the server asked for, None if it named nothing.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
