import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import PurePath

READ_AGAIN_SECONDS = 3600.0


class TlsTrust:
    """The trusted certificate authorities: the system's, and those of a file.

    Both may be replaced while the agent runs, so they are read again every hour, and after a certificate that was not
    trusted. A file that cannot be used leaves the system's; `problem` then says why, else it is None.
    """

    def __init__(self, ca_file: PurePath | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ca_file = ca_file
        self._monotonic = monotonic
        self._read_at = monotonic()
        self.problem: str | None = None
        self._context = self._read()

    def current(self) -> ssl.SSLContext:
        """The context of new connections; another one once the authorities have been read again."""
        if self._monotonic() - self._read_at >= READ_AGAIN_SECONDS:
            former, self._context = self._context, self._read()
            if self.problem is not None:  # a file that is damaged takes no trust away
                self._context, self.problem = former, None
        return self._context

    def told(self, error: BaseException) -> str:
        """Describe the failure of a connection, without texts that may quote secrets. After a certificate that was not
        trusted, the authorities are read again: the next connection uses them."""
        found = next((each for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
        if found is None:
            return type(error).__name__
        problem = f"; {self.problem}" if self.problem else ""
        self._context = self._read()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return f"{type(error).__name__}: {found.verify_message}; the clock of this machine says {now}{problem}"

    def _read(self) -> ssl.SSLContext:
        self.problem = None
        self._read_at = self._monotonic()
        context = ssl.create_default_context()
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:
                self.problem = f"the CA file {self._ca_file} cannot be used: {error}"
        return context


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it was raised from or carries."""
    while error is not None:
        yield error
        carried = next((each for each in error.args if isinstance(each, BaseException)), None)
        error = carried or error.__cause__ or error.__context__
