"""Every section in quick mode, but for those that need a local cloud: it runs, and what is counted meets its target.

Times are printed by `make bench` and asserted nowhere.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.__main__ import DOCUMENT, IN_PROCESS, SECTIONS, run, section
from tests.bench.report import Figure, missed, put_texts, text_of, write

ROOT = Path(__file__).parents[2]

SLOW = {"cold_start", "cost", "fan_out", "growth"}
"""Sections that take longest: `make test-all` runs them, and `make bench` does at their whole size. The one target of
``cost`` has a test beside its document (tests/unit/project/test_cost_document.py)."""


@dataclass
class Fixed:
    """A section that finds what it is told to."""

    figures: Sequence[Figure]
    fails: bool = False
    TITLE: str = "Fixed"

    def measure(self, *, quick: bool) -> Iterator[Figure]:
        yield from self.figures
        if self.fails:
            raise RuntimeError("nothing to measure")


def late(figures: Sequence[Figure]) -> list[str]:
    """Counted figures that miss their target: these are the same on every machine."""
    return [f"{one.name}: {one.value} against {one.target}" for one in missed(figures) if one.counted]


def in_time(name):
    return pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("name", [in_time(name) for name in IN_PROCESS])
def test_benchmark_section_runs_and_meets_its_counted_targets(name):
    figures: list[Figure] = []
    run({name: section(name)}, figures, quick=True)
    assert figures
    assert late(figures) == []
    names = [figure.name for figure in figures]
    assert sorted(set(names)) == sorted(names)


def test_benchmark_section_has_its_place_in_the_document():
    document = (ROOT / DOCUMENT).read_text()
    written = put_texts(document, dict.fromkeys(SECTIONS, "a table"))
    assert written.count("a table") == len(SECTIONS)
    assert put_texts(written, dict.fromkeys(SECTIONS, "a newer table")).count("a newer table") == len(SECTIONS)


def test_benchmark_section_without_a_place_is_refused():
    with pytest.raises(ValueError, match="nowhere"):
        put_texts("a document", {"nowhere": "a table"})


def test_counted_figure_above_its_target_is_reported_and_a_time_is_not():
    found = [
        Figure("calls", 3, "calls", 2, counted=True),
        Figure("share", 0.5, "share", 0.7, "more", counted=True),
        Figure("seconds", 3, "s", 2),
        Figure("no target", 3, "calls", counted=True),
    ]
    assert late(found) == ["calls: 3 against 2", "share: 0.5 against 0.7"]


def test_failing_benchmark_section_raises_its_error():
    figures: list[Figure] = []
    with pytest.raises(RuntimeError, match="nothing to measure"):
        run({"fixed": Fixed([Figure("calls", 1, "calls")], fails=True)}, figures, quick=True)


def test_benchmark_results_are_written_as_json_rows(tmp_path):
    write([Figure("calls", 3, "calls", 2), Figure("seconds", 1.5, "s")], tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == [
        {"name": "calls", "value": 3, "unit": "calls", "target": 2, "holds": False},
        {"name": "seconds", "value": 1.5, "unit": "s", "target": None, "holds": None},
    ]


def test_missed_target_is_marked_in_the_benchmark_table():
    text = text_of(Fixed([]), [Figure("calls", 3, "calls", 2), Figure("share", 0.75, "share", 0.7, "more")])
    assert "| calls | 3 | calls | ≤ 2 | **no** |" in text
    assert "| share | 0.75 | share | ≥ 0.7 | yes |" in text
