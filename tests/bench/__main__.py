"""`make bench`: measures, prints each section as it ends, writes build/bench.json and, when asked, docs/performance.md.

Sections that need the whole machine run one after the other; nothing else should run beside them.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Figure, Section, table, write

SECTIONS = ("calls", "growth", "fan_out", "functions", "cold_start", "latency", "load", "cost")
DOCUMENT = Path("docs/performance.md")
BEGIN, END = "<!-- figures: written by make bench -->\n", "<!-- end of figures -->\n"


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
    tables: list[str] = []
    for name in options.sections or SECTIONS:
        section: Section = importlib.import_module(f"tests.bench.sections.{name}")
        started = time.perf_counter()
        found = list(section.measure(quick=options.quick))
        text = f"### {section.TITLE}\n\n{table(found)}\n"
        print(f"{text}\n({time.perf_counter() - started:.1f} s)\n", flush=True)
        figures += found
        tables.append(text)
    write(figures)
    if options.write:
        before, rest = DOCUMENT.read_text().split(BEGIN)
        after = rest.split(END)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{chr(10).join(tables)}\n{END}{after}")
    missed = [each.name for each in figures if each.holds is False]
    print(f"{len(figures)} figures, {len(missed)} miss their target" + "".join(f"\n  {name}" for name in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
