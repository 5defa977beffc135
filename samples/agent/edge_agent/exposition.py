from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from edge_agent.errors import UnavailableError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class Family:
    """The series of one metric. `kind` is "counter" or "gauge"; `help` is one line of prose."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, help_text: str, value: float) -> Family:
    return Family(name, "gauge", help_text, (({}, value),))


def write_text(families: Iterable[Family]) -> str:
    """Prometheus' text format, version 0.0.4. Families without samples are left out.

    Names of devices and files may hold bytes that are no text: those become question marks.
    """
    text = "".join(f"{line}\n" for family in families if family.samples for line in _lines(family))
    return text.encode(errors="replace").decode()


def gathered(sources: Iterable[Callable[[], Iterable[Family]]]) -> list[Family]:
    """What the sources tell. One that fails, in whatever way, is left out: systems differ in what they show.

    Raises UnavailableError when all of them failed.
    """
    families: list[Family] = []
    failure: Exception | None = None
    for source in sources:
        try:
            families += source()
        except Exception as error:  # noqa: BLE001 - an odd /proc raises whatever its reader did not expect
            failure = error
    if failure is not None and not families:
        raise UnavailableError(f"the system's figures: {type(failure).__name__}") from failure
    return families


def _lines(family: Family) -> Iterator[str]:
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
    """Whole numbers without an exponent: not every reader of this format takes one for a count."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
