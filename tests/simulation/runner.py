"""Plays histories, one seed after the other, and prints what was found and what was covered.

python -m tests.simulation.runner [--runs N] [--seed N] [--every N] [--seconds N] [--family NAME]
                                  [--need FAULT ...] [--most-seconds N] [--stop] [--no-shrinking]
                                  [--totals FILE]

It ends after so many runs, or when so many seconds of a processor are over; above ``--most-seconds`` it fails.

`make simulate` sets the path of the agent's code, and a hash seed of 0, with which sets of texts have the
same order on every machine.
"""

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.engine.coverage import Coverage
from tests.simulation.history import RESTS, Played, Score, every_fault, play, score_of, simulations
from tests.simulation.scene import Simulation
from tests.simulation.shrinking import shrink

NOTED_AT_ONCE = 20


def main(arguments: Sequence[str]) -> int:
    """Play; returns the exit status."""
    options = _options(arguments)
    parts = simulations(options.family)
    coverage, findings, last = Coverage(), [], None
    began, count, noted = time.process_time(), 0, _Noted(options)
    gc.disable()
    for seed in _seeds(options):
        played = play(score_of(seed, parts, options.need), parts)
        coverage.add(played.coverage)
        if not count:
            gc.freeze()  # what both programs have loaded stays: a collection need not look at it
        count, last = count + 1, seed
        if played.failure is not None:
            findings.append(f"{seed} {played.failure[0]}")
            _tell(played, parts, shrinking=options.shrinking)
        if options.totals is not None and (count % NOTED_AT_ONCE == 0 or played.failure is not None):
            noted.add(count, seed, findings)
        is_time_over = options.seconds and time.process_time() - began >= options.seconds
        if (findings and options.stop) or is_time_over:
            break
    if options.totals is not None and last is not None:
        noted.add(count, last, findings)
    _print_coverage(coverage, parts)
    seconds = time.process_time() - began
    _say(f"{count} histories, the last of seed {last}, {seconds:.0f} s of one processor, {len(findings)} findings")
    if options.most_seconds and seconds > options.most_seconds:
        _say(f"they have to fit into {options.most_seconds:.0f} s")
        return 1
    return 1 if findings else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--runs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--most-seconds", type=float, default=None)
    parser.add_argument("--family", default="")
    parser.add_argument("--need", nargs="*", default=())
    parser.add_argument("--stop", action="store_true")
    parser.add_argument("--no-shrinking", dest="shrinking", action="store_false")
    parser.add_argument("--totals", type=Path, default=None)
    return parser.parse_args(arguments)


def _seeds(options: argparse.Namespace) -> Iterator[int]:
    """From the first seed on, or on from where the totals end."""
    first = options.seed
    if first is None:
        first = 1 + max((row["last_seed"] for row in _rows(options.totals)), default=0) if options.totals else 1
    number = 0
    while options.runs is None or number < options.runs:
        yield first + number * options.every
        number += 1


def _tell(played: Played, parts: Sequence[Simulation], *, shrinking: bool) -> None:
    """Print a history that failed, and the smallest one like it."""

    def again(score: Score) -> Played:
        return play(score, parts, RESTS[:2])

    assert played.failure is not None
    _say(f"seed {played.score.seed}: {played.failure[0]}: {played.failure[1]}")
    least = shrink(played, again) if shrinking else played
    _say(f"faults: {' '.join(sorted(least.score.faults))}")
    _say("\n".join(least.log))
    if least.stopped:
        _say("\n  ".join(("the last that failed:", *least.stopped[-3:])))


def _print_coverage(coverage: Coverage, parts: Sequence[Simulation]) -> None:
    done = Counter({name: count for (name, outcome), count in coverage.outcomes.items() if outcome == "done"})
    _say("operations (begun, succeeded):")
    _say("  " + ", ".join(f"{name} {count} {done[name]}" for name, count in sorted(coverage.operations.items())))
    _say("faults:")
    _say("  " + ", ".join(f"{name} {coverage.faults[name]}" for name in every_fault(parts)))
    operations = {operation.__name__ for part in parts for operation in part.operations}
    never = coverage.never_met(operations, every_fault(parts))
    shown = ", ".join(f"{one} + {other}" for one, other in never[:40])
    _say(f"{len(never)} pairs of an operation and a fault never met: {shown}{' ...' if len(never) > 40 else ''}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer


def _rows(file: Path | None) -> list[dict[str, Any]]:
    return json.loads(file.read_text()) if file is not None and file.exists() else []


class _Noted:
    """Adds what was played to the totals of this commit, family and needed faults: now and then, since a run may be
    broken off, at each finding and at the end."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._file: Path = options.totals
        self._of = {"family": options.family, "needs": sorted(options.need)}
        self._began = time.process_time()
        self._counted = self._told = 0

    def add(self, count: int, last: int, findings: Sequence[str]) -> None:
        key = {**_commit(), "python": ".".join(platform.python_version_tuple()[:2]), **self._of}
        rows = _rows(self._file)
        row = next((row for row in rows if {**_UNSAID, **row}.items() >= key.items()), None)
        if row is None:
            row = {**key, "histories": 0, "seconds": 0, "findings": [], "last_seed": 0}
            rows.append(row)
        now = time.process_time()
        row["histories"] += count - self._counted
        row["seconds"] = round(row["seconds"] + now - self._began)
        row["findings"] += findings[self._told :]
        row["last_seed"] = last
        self._began, self._counted, self._told = now, count, len(findings)
        self._file.write_text(json.dumps(rows, indent=1) + "\n")


_UNSAID = {"family": "", "needs": [], "is_dirty": False}
"""Of rows that earlier versions wrote."""


def _commit() -> dict[str, Any]:
    """The commit that is played, and whether the files are others than its own."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    return {"commit": git("rev-parse", "--short", "HEAD"), "is_dirty": bool(git("status", "--porcelain", *PLAYED))}


PLAYED = ("chalicelib", "infra", "samples/agent", "tests/*.py")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit("PYTHONHASHSEED has to be 0, as `make simulate` sets it")
    sys.exit(main(sys.argv[1:]))
