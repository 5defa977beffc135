"""`Fetching`: brings a file from a user's address to S3, a part at a time.

S3 has the only memory of it: an upload in parts, found by its key. The worker that goes on finds the parts that are
there, and sends the others; the same part twice is the same bytes. An upload whose beginning was not answered, and
that is not gone on with, is removed by S3 a day later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from chalicelib.cloud.images.model import ImageFile
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

WORK = timedelta(seconds=5)
"""How long one look begins further parts."""

LONGEST = timedelta(seconds=11)
"""How long one look reads: with the calls of S3, a quarter of the worker's timeout."""

MOST_TRIES = 5
"""Answers that have to show another file before it is taken for that: a single odd one ends nothing."""

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

    def go_on(self, bucket: str, key: str, file: ImageFile, url: str, mark: str) -> None:
        """Fetch further parts from an address, of the file that has this mark. Returns once the file is whole at S3.
        Raises `AgainLaterError` before, `RefusedError` if it will never be."""
        began = self._clock.now()
        with _at_s3(is_known=False):
            if self._s3.made_by(bucket, key, file.id) is not None:
                return
        with _at_s3():
            found = [upload_id for of, upload_id in self._s3.uploads(bucket, key) if of == key]
            upload = found[0] if found else self._s3.begin(bucket, key, _TYPE, file.id)
            parts = {each.number: each for each in self._s3.parts(bucket, key, upload) or () if self._fits(each, file)}
        for number in self._missing(parts, file):
            if self._clock.now() - began > WORK:
                raise self._not_yet(parts, file)
            content = self._read(number, parts, file, url, mark, began + LONGEST)
            with _at_s3():
                part = self._s3.put_part(bucket, key, upload, number, content)
            if part is None:
                raise self._not_yet({}, file)
            parts[number] = part
        with _at_s3():
            made = self._s3.complete(bucket, key, upload, [parts[number] for number in sorted(parts)])
        if made is None:
            raise self._not_yet({}, file)

    def end(self, bucket: str, begins: str) -> None:
        """End the uploads of all files whose keys begin so."""
        with _at_s3():
            for key, upload_id in self._s3.uploads(bucket, begins):
                self._s3.abort(bucket, key, upload_id)

    def _missing(self, parts: dict[int, Part], file: ImageFile) -> list[int]:
        count = -(-file.size_bytes // self._part_bytes)
        return [number for number in range(1, count + 1) if number not in parts]

    def _fits(self, part: Part, file: ImageFile) -> bool:
        """Whether it is a part as this version makes them."""
        start, end = self._range(part.number, file)
        return part.size == end - start > 0

    def _range(self, number: int, file: ImageFile) -> tuple[int, int]:
        start = (number - 1) * self._part_bytes
        return start, min(start + self._part_bytes, file.size_bytes)

    def _read(
        self, number: int, parts: dict[int, Part], file: ImageFile, url: str, mark: str, until: datetime
    ) -> bytes:
        start, end = self._range(number, file)
        refused = ""
        for tried in range(MOST_TRIES):
            try:
                if tried:  # one byte tells whether it is the file
                    self._sources.read(url, mark, start, start + 1, file.size_bytes, until)
                return self._sources.read(url, mark, start, end, file.size_bytes, until)
            except SourceError as error:
                if error.may_pass:
                    raise self._not_yet(parts, file, f": {error}") from None
                refused = str(error)
        raise RefusedError(_FAILED.format(refused))

    def _not_yet(self, parts: dict[int, Part], file: ImageFile, trouble: str = "") -> AgainLaterError:
        done = min(len(parts) * self._part_bytes, file.size_bytes)
        text = _WAITS.format(done // _MIB, -(-file.size_bytes // _MIB), trouble)
        return AgainLaterError(text, nothing_begun=True)


@contextmanager
def _at_s3(*, is_known: bool = True) -> Iterator[None]:
    """Turns the errors of `S3Objects` into those of the engine. ``is_known``: the file is not whole, so that no import
    of it was begun."""
    try:
        yield
    except EdgeError:
        raise AgainLaterError("S3 does not take its file yet", nothing_done=True, nothing_begun=is_known) from None
    except CallRefusedError as error:
        raise ERRORS.of_answer(error.code, error.status) from None
