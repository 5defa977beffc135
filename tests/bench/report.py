"""What a benchmark found: figures with their targets, as a table for people and a list for programs."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

RESULTS = Path("build/bench.json")


@dataclass(frozen=True)
class Figure:
    """One measured value.

    `counted` values are the same on every machine (calls, units, bytes, modules), so tests may assert them; timings and
    what follows from them are not, and nothing asserts those. A target is an upper bound unless `better` says "more".
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["less", "more"] = "less"
    counted: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "less" else self.value >= self.target


class Section(Protocol):
    """A module of `tests.bench.sections`. `quick` asks for the same figures from less work, within seconds.

    A section may bring a ``table`` of its own, of the shape of `table` below; see `text_of`.
    """

    TITLE: str

    def measure(self, *, quick: bool) -> Iterable[Figure]: ...


def text_of(section: Section, figures: Sequence[Figure]) -> str:
    """The section as Markdown: its title and its table."""
    show: Callable[[Sequence[Figure]], str] = getattr(section, "table", table)
    return f"### {section.TITLE}\n\n{show(figures)}\n"


def missed(figures: Iterable[Figure]) -> list[Figure]:
    """Those whose target is not met."""
    return [figure for figure in figures if figure.holds is False]


def put_texts(document: str, texts: Mapping[str, str]) -> str:
    """The document with these texts in the places of their sections, all else as it is. Raises ValueError for a section
    without a place."""
    for name, text in texts.items():
        begin, end = f"<!-- {name}: written by make bench -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = document.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the document has no place for {name}")
        document = f"{before}{begin}\n{text}\n{end}{after}"
    return document


def write(figures: Sequence[Figure], path: Path = RESULTS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"name": each.name, "value": each.value, "unit": each.unit, "target": each.target, "holds": each.holds}
        for each in figures
    ]
    path.write_text(json.dumps(rows, indent=1) + "\n")


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table."""
    lines = ["| figure | value | unit | target | holds |", "| --- | ---: | --- | ---: | --- |"]
    lines += [
        f"| {each.name} | {_number(each.value)} | {each.unit} | {_target(each)} | {_verdict(each.holds)} |"
        for each in figures
    ]
    return "\n".join(lines)


def wide_table(what: str, figures: Sequence[Figure]) -> str:
    """A row for each ``what`` and a column for each kind of figures called ``what: kind``, with their targets."""
    by_name: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        name, _, kind = figure.name.partition(": ")
        by_name.setdefault(name, {})[kind] = figure
    kinds = list(dict.fromkeys(kind for mine in by_name.values() for kind in mine))
    lines = [
        f"| {what} | {' | '.join(f'{kind} | target' for kind in kinds)} |",
        f"| --- |{' ---: |' * 2 * len(kinds)}",
    ]
    for name, mine in by_name.items():
        cells = (_cells(mine[kind]) if kind in mine else " | " for kind in kinds)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(figure: Figure) -> str:
    value = _number(figure.value)
    return f"{f'**{value}**' if figure.holds is False else value} | {_target(figure)}"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≤' if figure.better == 'less' else '≥'} {_number(figure.target)}"


def _verdict(holds: bool | None) -> str:
    return {None: "", True: "yes", False: "**no**"}[holds]


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
