"""`Fetching`: brings a file from a user's address to S3, a part at a time.

S3 has the only memory of it: an upload in parts, found by its key. The worker that goes on finds the parts that are
there, and sends the others; the same part twice is the same bytes. An upload whose beginning was not answered, and
that is not gone on with, is removed by S3 a day later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from chalicelib.cloud.images.model import ImageFile, ImageSource
from chalicelib.cloud.images.sources import READ_BYTES, SourceError, Sources
from chalicelib.cloud.storage.errors import ERRORS
from chalicelib.cloud.storage.model import Part
from chalicelib.cloud.storage.s3 import S3Objects
from chalicelib.kit.aws_calls import CallRefusedError
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError

PART_BYTES = READ_BYTES
"""S3 takes parts from 5 MiB on, but for the last, and lists a thousand at once, of which no file has more."""

WORK = timedelta(seconds=6)
"""How long one look begins further parts: with the longest read of one, a quarter of the worker's timeout."""

_MIB = 1024 * 1024
_TYPE = "application/octet-stream"
_FAILED = "its file could not be fetched from its address: {}. Upload the file, or import it again"
_WAITS = "its file is being fetched from its address ({} of {} MiB){}"


class Fetching:
    """``part_bytes`` is the size of all parts but the last."""

    def __init__(self, s3: S3Objects, sources: Sources, clock: Clock, part_bytes: int = PART_BYTES) -> None:
        self._s3 = s3
        self._sources = sources
        self._clock = clock
        self._part_bytes = part_bytes

    def go_on(self, bucket: str, key: str, file: ImageFile, source: ImageSource) -> None:
        """Fetch further parts. Returns once the file is whole at S3. Raises `AgainLaterError` before, `RefusedError` if
        it will never be."""
        with _at_s3():
            if self._s3.made_by(bucket, key, file.id) is not None:
                return
            found = self._s3.uploads(bucket, key)
            upload = found[0] if found else self._s3.begin(bucket, key, _TYPE, file.id)
            parts = {each.number: each for each in self._s3.parts(bucket, key, upload) or ()}
        began = self._clock.now()
        for number in self._missing(parts, file):
            if self._clock.now() - began > WORK:
                raise self._not_yet(parts, file)
            content = self._read(number, parts, file, source)
            with _at_s3():
                part = self._s3.put_part(bucket, key, upload, number, content)
            if part is None:
                raise self._not_yet({}, file)
            parts[number] = part
        with _at_s3():
            made = self._s3.complete(bucket, key, upload, [parts[number] for number in sorted(parts)])
        if made is None:
            raise self._not_yet({}, file)

    def end(self, bucket: str, key: str) -> None:
        """End all uploads of a file."""
        with _at_s3():
            for upload in self._s3.uploads(bucket, key):
                self._s3.abort(bucket, key, upload)

    def _missing(self, parts: dict[int, Part], file: ImageFile) -> list[int]:
        count = -(-file.size_bytes // self._part_bytes)
        return [number for number in range(1, count + 1) if number not in parts]

    def _read(self, number: int, parts: dict[int, Part], file: ImageFile, source: ImageSource) -> bytes:
        start = (number - 1) * self._part_bytes
        try:
            return self._sources.read(source, start, min(start + self._part_bytes, file.size_bytes), file.size_bytes)
        except SourceError as error:
            if error.may_pass:
                raise self._not_yet(parts, file, f": {error}") from None
            raise RefusedError(_FAILED.format(error)) from None

    def _not_yet(self, parts: dict[int, Part], file: ImageFile, trouble: str = "") -> AgainLaterError:
        done = min(len(parts) * self._part_bytes, file.size_bytes)
        text = _WAITS.format(done // _MIB, -(-file.size_bytes // _MIB), trouble)
        return AgainLaterError(text, nothing_done=True)


@contextmanager
def _at_s3() -> Iterator[None]:
    """Turns the errors of `S3Objects` into those of the engine."""
    try:
        yield
    except EdgeError:
        raise AgainLaterError("S3 does not take its file yet", nothing_done=True) from None
    except CallRefusedError as error:
        raise ERRORS.of_answer(error.code, error.status) from None
