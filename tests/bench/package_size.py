"""What is in the zip, and how large."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bench.report import Figure

UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024
"""Lambda's quota of a function's code and layers (AWS Lambda quotas)."""

_LARGEST = 8


def sizes(archive: Path) -> Iterator[Figure]:
    """Of the zip, and of its largest parts as they lie unpacked."""
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
    parts: Counter[str] = Counter()
    for entry in entries:
        parts[entry.filename.partition("/")[0]] += entry.file_size
    yield Figure("the package, zipped", archive.stat().st_size, "bytes", counted=True)
    yield Figure("the package, unzipped", parts.total(), "bytes", UNZIPPED_LIMIT_BYTES, counted=True)
    for name, size in parts.most_common(_LARGEST):
        yield Figure(f"of it {name}", size, "bytes", counted=True)
