import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePath


class TlsTrust:
    """The trusted certificate authorities: the system's, and those of a file.

    Both may be replaced while the agent runs, so they are read again after a certificate that was not trusted. A file
    that cannot be used leaves the system's; `problem` then says why, else it is None.
    """

    def __init__(self, ca_file: PurePath | None) -> None:
        self._ca_file = ca_file
        self.problem: str | None = None
        self.context = self._read()

    def told(self, error: BaseException) -> str:
        """Describe the failure of a connection, without texts that may quote secrets. After a certificate that was not
        trusted, the authorities are read again: the next connection uses them."""
        found = next((each for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
        if found is None:
            return type(error).__name__
        problem = f"; {self.problem}" if self.problem else ""
        self.context = self._read()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return f"{type(error).__name__}: {found.verify_message}; the clock of this machine says {now}{problem}"

    def _read(self) -> ssl.SSLContext:
        self.problem = None
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
