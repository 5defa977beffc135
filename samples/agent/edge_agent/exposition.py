from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from edge_agent.errors import UnavailableError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class MetricFamily:
    """A metric with its samples. `kind` is "counter" or "gauge"; `help` describes it in one line."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, help_text: str, value: float) -> MetricFamily:
    return MetricFamily(name, "gauge", help_text, (({}, value),))


def write_text(families: Iterable[MetricFamily]) -> str:
    """Format metrics in Prometheus' text format, version 0.0.4. Families without samples are left out.

    Bytes that are not UTF-8, as in names of devices and files, become question marks.
    """
    text = "".join(f"{line}\n" for family in families if family.samples for line in _lines(family))
    return text.encode(errors="replace").decode()


def gathered(sources: Iterable[Callable[[], Iterable[MetricFamily]]]) -> list[MetricFamily]:
    """Collect the families of all sources. A source that raises any exception is left out: systems differ in what they
    show.

    Raises `UnavailableError` if all of them failed.
    """
    families: list[MetricFamily] = []
    failure: Exception | None = None
    for source in sources:
        try:
            families += source()
        except Exception as error:  # noqa: BLE001 - an odd /proc may raise anything
            failure = error
    if failure is not None and not families:
        raise UnavailableError(f"the system's figures: {type(failure).__name__}") from failure
    return families


def _lines(family: MetricFamily) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        yield f"{family.name}{_label_text(labels)} {_value_text(value)}"


def _label_text(labels: Mapping[str, str]) -> str:
    pairs = (f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _value_text(value: float) -> str:
    """Format whole numbers without an exponent: some readers of this format do not accept one in a count."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
