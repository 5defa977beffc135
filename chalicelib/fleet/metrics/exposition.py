"""Prometheus' text format, version 0.0.4: the one place that knows the library for it.

The library is imported when it is first used: it costs a cold start some 100 ms, and few requests need it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST = 2**63
"""Larger figures are not counts: they are left out, as are NaN and the infinities, which JSON does not have."""

LINE_CHARACTERS = 2048
"""Longer lines are as if they were missing: the library's time grows with the square of a line's length."""

READ_CHARACTERS = 512 * 1024
"""The maximum size of the wanted lines; anything beyond is ignored. Five times the output of a node_exporter."""


@dataclass(frozen=True)
class Sample:
    """One line: a series and its value. Whole numbers stay whole."""

    name: str
    labels: Mapping[str, str]
    value: int | float


@dataclass(frozen=True)
class Family:
    """Series of one name. ``name`` of a counter ends in ``_total``; ``samples`` pairs labels with values."""

    name: str
    help: str
    samples: Sequence[tuple[Mapping[str, str], int]] = field(default_factory=tuple)

    @property
    def is_counter(self) -> bool:
        return self.name.endswith("_total")


def read_samples(text: str, names: Collection[str]) -> list[Sample]:
    """The samples of these names, in the order of the text. A line that cannot be read is as if it were missing."""
    return [sample for line in _wanted(text, frozenset(names)) for sample in _parsed(line)]


def write_families(families: Sequence[Family]) -> str:
    """The text for a scrape."""
    from prometheus_client import generate_latest  # noqa: PLC0415 - see the module's docstring
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    class Given(Collector):
        def collect(self) -> Iterator[Any]:
            for family in families:
                kind = CounterMetricFamily if family.is_counter else GaugeMetricFamily
                metric: Any = kind(family.name, family.help)
                for labels, value in family.samples:
                    metric.add_sample(family.name, dict(labels), value)
                yield metric

    return generate_latest(Given()).decode()


def _wanted(text: str, names: Collection[str]) -> Iterator[str]:
    left = READ_CHARACTERS
    for line in text.split("\n"):
        if len(line) <= LINE_CHARACTERS and _name_of(line) in names:
            left -= len(line)
            if left < 0:
                return
            yield line


def _name_of(line: str) -> str:
    """The name of the series in front of labels and value."""
    parts = line.split("{", 1)[0].split(None, 1)
    return parts[0] if parts else ""


def _parsed(line: str) -> Iterator[Sample]:
    """Alone, so that one bad line spoils no other; without a type, so that names stay as they were sent."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - as above

    try:
        read = [sample for metric in text_string_to_metric_families(line) for sample in metric.samples]
    except (ValueError, IndexError):
        return
    for sample in read:
        if -LARGEST < sample.value < LARGEST:
            yield Sample(sample.name, sample.labels, sample.value)
