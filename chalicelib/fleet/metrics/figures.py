"""Numbers as the contract shows them: rounding, sizes, durations. A figure without its input is None."""

from decimal import ROUND_HALF_UP, Decimal

from chalicelib.fleet.metrics.exposition import Sample

MIB = 2**20
GIB = 2**30

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400


def rounded(value: float, decimals: int) -> float:
    """Halves away from zero, judged by the exact value of the float: as the reference's language rounds."""
    return float(Decimal(value).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))


def in_mb(size_bytes: int | None) -> float | None:
    """Bytes / 2^20, two decimals."""
    return None if size_bytes is None else rounded(size_bytes / MIB, 2)


def in_gb(size_bytes: int | None) -> float | None:
    """Bytes / 2^30, one decimal."""
    return None if size_bytes is None else rounded(size_bytes / GIB, 1)


def duration_text(seconds: int) -> str:
    """``42s``, ``23m``, ``5h 15m``, ``2d 0h 0m``."""
    days, hours, minutes = seconds // _DAY, seconds % _DAY // _HOUR, seconds % _HOUR // _MINUTE
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{minutes}m"
    return f"{hours}h {minutes}m" if seconds < _DAY else f"{days}d {hours}h {minutes}m"


class Series:
    """Samples by name."""

    def __init__(self, samples: list[Sample]) -> None:
        self._by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            self._by_name.setdefault(sample.name, []).append(sample)

    def of(self, name: str) -> list[Sample]:
        """All series of that name, in the order of the text."""
        return self._by_name.get(name, [])

    def gauge(self, name: str) -> int | float | None:
        """The value of the line without labels."""
        return next((sample.value for sample in self.of(name) if not sample.labels), None)

    def whole(self, name: str) -> int | None:
        """`gauge` without its fraction."""
        value = self.gauge(name)
        return None if value is None else int(value)

    def total(self, name: str) -> int:
        """The sum over all label sets, each without its fraction; 0 where there is none."""
        return sum(int(sample.value) for sample in self.of(name))

    def by_label(self, name: str, label: str) -> dict[str, int]:
        """`total` for each value of a label; series without that label count nowhere."""
        sums: dict[str, int] = {}
        for sample in self.of(name):
            if label in sample.labels:
                value = sample.labels[label]
                sums[value] = sums.get(value, 0) + int(sample.value)
        return sums
