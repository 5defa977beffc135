"""`make bench`: measures, prints each section as it ends, writes build/bench.json and, when asked, docs/performance.md.

Sections that need the whole machine run one after the other; nothing else should run beside them.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.report import Figure, Section, missed, put_texts, text_of, write

IN_PROCESS = ("calls", "growth", "fan_out", "functions", "cold_start", "cost")
"""Sections whose quick mode needs no local cloud."""

SECTIONS = ("calls", "growth", "fan_out", "functions", "cold_start", "latency", "load", "cost")
DOCUMENT = Path("docs/performance.md")


def main(arguments: Sequence[str]) -> int:
    """Exit status 1 if a target is missed: a figure in a table that nobody reads helps nobody."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="less work, same figures")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    texts: dict[str, str] = {}
    try:
        for name in options.sections or SECTIONS:
            texts |= run({name: section(name)}, figures, quick=options.quick)
    finally:
        write(figures)  # what a section found is not lost with one that fails after it
    if options.write:
        DOCUMENT.write_text(put_texts(DOCUMENT.read_text(), texts))
    late = missed(figures)
    print(f"{len(figures)} figures, {len(late)} miss their target" + "".join(f"\n  {each.name}" for each in late))
    return 1 if late else 0


def section(name: str) -> Section:
    """The section of that name."""
    module: Section = importlib.import_module(f"tests.bench.sections.{name}")
    return module


def run(sections: Mapping[str, Section], figures: list[Figure], *, quick: bool) -> dict[str, str]:
    """Measure, print and add to the figures. Returns the text of each section; raises what a section raises."""
    texts: dict[str, str] = {}
    for name, each in sections.items():
        started = time.perf_counter()
        found = list(each.measure(quick=quick))
        texts[name] = text_of(each, found)
        print(f"{texts[name]}\n({time.perf_counter() - started:.1f} s)\n", flush=True)
        figures += found
    return texts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
