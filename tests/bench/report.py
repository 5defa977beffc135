"""What a benchmark found: figures with their targets, as a table for people and a list for programs."""

import json
from collections.abc import Iterable, Sequence
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
    """A module of `tests.bench.sections`. `quick` asks for the same figures from less work, within seconds."""

    TITLE: str

    def measure(self, *, quick: bool) -> Iterable[Figure]: ...


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
